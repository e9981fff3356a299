/** The headers of a seed's targets: cleared before anything else is written, and written last. */

import type { CopyResult } from '../../engine/index.js';
import type { ExtentList } from '../../region/index.js';
import { headerBytes, invalidate, publishHeader } from '../target-header/index.js';
import { publishedHeader, type PublishedTarget } from './published.js';
import type { SeedJobs } from './seed-jobs.js';
import type { SeedRun } from './seed-run.js';

export class Headers {
  readonly #targets: SeedRun['targets'];
  readonly #jobs: SeedJobs;
  readonly #earlier: readonly PublishedTarget[];
  /** The headers that an earlier run had published. */
  #kept: readonly (Uint8Array | null)[] = [];

  /** `earlier`: the targets as the previous run left them, if it published them. */
  constructor({ targets }: SeedRun, jobs: SeedJobs, earlier: readonly PublishedTarget[]) {
    this.#targets = targets;
    this.#jobs = jobs;
    this.#earlier = earlier;
  }

  /** Reads the headers that an earlier run published, in case the source's can no longer be read. */
  async keep(): Promise<void> {
    this.#kept = await Promise.all(
      this.#targets.map(({ volume }, index) => publishedHeader(this.#earlier[index], volume)),
    );
  }

  /** Removes the signature: an unfinished target must not have one. */
  async invalidate(runId: string): Promise<void> {
    for (const { volume } of this.#targets) {
      await invalidate(volume, runId, headerBytes);
    }
  }

  /** Writes the headers from what `copyPart` reads. Resolves with false if it was cancelled. */
  async publish(
    extents: ExtentList,
    copyPart: (extents: ExtentList) => Promise<CopyResult | null>,
  ): Promise<boolean> {
    const jobs = this.#jobs;
    const targets = () =>
      jobs.good.map(({ index, volume }) => ({ volume, kept: this.#kept[index] ?? null }));
    const write = async (part: ExtentList) => {
      await copyPart(part);
      return !jobs.cancelled;
    };
    await jobs.giveUpMissing();
    const isPublished = await publishHeader({ extents, targets, write });
    await jobs.giveUpMissing();
    return isPublished;
  }
}
