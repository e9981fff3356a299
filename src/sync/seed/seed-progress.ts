/** The progress of a seed as its checkpoints record it: what is durable, and what could not be read. */

import { type ExtentList, union } from '../../region/index.js';
import type { CheckpointFile, CheckpointState } from './checkpoint.js';
import { publishedTarget, type PublishedTarget } from './published.js';
import type { SeedRun } from './seed-run.js';
import { warnOnce } from '../nonfatal.js';

const consequence = 'the copy continues; if it is interrupted, it resumes from an earlier position';

export class SeedProgress {
  readonly #file: CheckpointFile;
  readonly #targets: SeedRun['targets'];
  readonly #trySave: ReturnType<typeof warnOnce>;
  #state: CheckpointState;

  constructor({ targets, reporter }: SeedRun, file: CheckpointFile, state: CheckpointState) {
    this.#file = file;
    this.#targets = targets;
    this.#trySave = warnOnce(reporter, consequence);
    this.#state = state;
  }

  get state(): CheckpointState {
    return this.#state;
  }

  get badRanges(): ExtentList {
    return Float64Array.from(this.#state.badRanges);
  }

  /** Saves the first checkpoint; nothing may be written before it. */
  async begin(): Promise<void> {
    await this.#file.save(this.#state);
  }

  async save(): Promise<void> {
    await this.#trySave(() => this.#file.save(this.#state));
  }

  async freeIsDone(): Promise<void> {
    this.#state = { ...this.#state, freeDone: true };
    await this.save();
  }

  async isDurable(durableBytes: number, unlistedBadBytes: number): Promise<void> {
    this.#state = { ...this.#state, durableBytes, unlistedBadBytes };
    await this.save();
  }

  /** The whole body is copied except these ranges, which could not be read. */
  bodyIsDone(bad: ExtentList): void {
    this.addBad(bad);
    this.#state = { ...this.#state, unlistedBadBytes: 0 };
  }

  addBad(bad: ExtentList): void {
    this.replaceBad(union(this.badRanges, bad));
  }

  replaceBad(bad: ExtentList): void {
    this.#state = { ...this.#state, badRanges: [...bad] };
  }

  /** Records that the targets have their signature, and how to recognise them. */
  async savePublished(): Promise<void> {
    const published: PublishedTarget[] = [];
    for (const { volume } of this.#targets) published.push(await publishedTarget(volume));
    await this.#trySave(() => this.#file.save({ ...this.#state, published }));
  }
}
