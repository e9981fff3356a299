/**
 * The first MiB of a seed's targets: cleared and marked before anything else is written, and written
 * when all the rest is durable, the block with the signature last.
 */

import { clear, type CopyResult } from '../engine/index.js';
import { clip, type ExtentList, extentOf } from '../region/index.js';
import { withVolumeErrors } from '../volume/index.js';
import { clearMark, markSectorBytes, setMark } from './mark.js';
import { headBytes, sealBytes } from './plan.js';
import { sealedHead, type SealedTarget } from './sealed.js';
import type { SeedJobs } from './seed-jobs.js';
import type { SeedRun } from './seed-run.js';
import { watchJob } from './watch.js';

export class Heads {
  readonly #targets: SeedRun['targets'];
  readonly #jobs: SeedJobs;
  /** What they were where an earlier run had sealed them. */
  #sealed: readonly (Uint8Array | null)[] = [];

  constructor({ targets }: SeedRun, jobs: SeedJobs) {
    this.#targets = targets;
    this.#jobs = jobs;
  }

  /** Keeps what an earlier run has sealed, for where the source's cannot be read any more. */
  async keep(sealed: readonly SealedTarget[]): Promise<void> {
    this.#sealed = await Promise.all(
      this.#targets.map(({ volume }, index) => sealedHead(sealed[index], volume)),
    );
  }

  /** No signature may stand on a target that is not finished. */
  async clear(runId: string): Promise<void> {
    for (const { volume } of this.#targets) {
      const { path, sizeBytes } = volume.identity;
      // The mark first: whenever the run is killed, the next one knows the target by it.
      await withVolumeErrors(path, () => setMark(volume, runId));
      const markBytes = markSectorBytes(volume);
      const extents = extentOf(markBytes, Math.min(headBytes, sizeBytes) - markBytes);
      if (extents.length === 0) continue;
      await watchJob(clear({ target: volume.endpoint, extents, mode: 'zero' }), {});
    }
  }

  /** Writes them from what `copyPart` reads. Resolves with whether the targets that are good are finished. */
  async seal(
    head: ExtentList,
    copyPart: (extents: ExtentList) => Promise<CopyResult | null>,
  ): Promise<boolean> {
    await this.#jobs.giveUpMissing();
    await this.#restore(sealBytes, headBytes);
    // The first block last, by itself: with it, and not before, the target is a file system.
    await copyPart(clip(head, sealBytes, headBytes));
    if (this.#jobs.cancelled) return false;
    for (const { volume } of this.#jobs.good) {
      await withVolumeErrors(volume.identity.path, () => clearMark(volume));
    }
    await this.#restore(0, sealBytes);
    const sealed = await copyPart(clip(head, 0, sealBytes));
    await this.#jobs.giveUpMissing();
    return sealed?.cancelled === false;
  }

  /** Puts back what a sealed target had there: where the source cannot be read, that is what remains. */
  async #restore(from: number, to: number): Promise<void> {
    for (const { index, volume } of this.#jobs.good) {
      const head = this.#sealed[index]?.subarray(from, to);
      if (head === undefined) continue;
      await withVolumeErrors(volume.identity.path, async () => {
        await volume.handle.write(head, 0, head.length, from);
        await volume.handle.sync();
      });
    }
  }
}
