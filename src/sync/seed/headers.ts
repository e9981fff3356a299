/**
 * The first MiB of a seed's targets: cleared and marked before anything else is written, and written
 * when all the rest is durable, the block with the signature last.
 */

import { clear, type CopyResult } from '../../engine/index.js';
import { clip, type ExtentList, extentOf } from '../../region/index.js';
import { withVolumeErrors } from '../../volume/index.js';
import { clearStamp, stampSectorBytes, writeStamp } from '../stamp.js';
import { headerBytes, firstBlockBytes } from './plan.js';
import { publishedHeader, type PublishedTarget } from './published.js';
import type { SeedJobs } from './seed-jobs.js';
import type { SeedRun } from './seed-run.js';
import { watchJob } from '../watch.js';

export class Headers {
  readonly #targets: SeedRun['targets'];
  readonly #jobs: SeedJobs;
  /** What they were where an earlier run had published them. */
  #published: readonly (Uint8Array | null)[] = [];

  readonly #earlier: readonly PublishedTarget[];

  /** `earlier`: how the run before left the targets, if it published them. */
  constructor({ targets }: SeedRun, jobs: SeedJobs, earlier: readonly PublishedTarget[]) {
    this.#targets = targets;
    this.#jobs = jobs;
    this.#earlier = earlier;
  }

  /** Keeps what an earlier run has published, for where the source's cannot be read any more. */
  async keep(): Promise<void> {
    this.#published = await Promise.all(
      this.#targets.map(({ volume }, index) => publishedHeader(this.#earlier[index], volume)),
    );
  }

  /** No signature may stand on a target that is not finished. */
  async invalidate(runId: string): Promise<void> {
    for (const { volume } of this.#targets) {
      const { path, sizeBytes } = volume.identity;
      // The stamp first: whenever the run is killed, the next one knows the target by it.
      await withVolumeErrors(path, () => writeStamp(volume, runId));
      const stampBytes = stampSectorBytes(volume);
      const extents = extentOf(stampBytes, Math.min(headerBytes, sizeBytes) - stampBytes);
      if (extents.length === 0) continue;
      await watchJob(clear({ target: volume.endpoint, extents, mode: 'zero' }), {});
    }
  }

  /** Writes them from what `copyPart` reads. Resolves with whether the targets that are good are finished. */
  async publish(
    head: ExtentList,
    copyPart: (extents: ExtentList) => Promise<CopyResult | null>,
  ): Promise<boolean> {
    await this.#jobs.giveUpMissing();
    await this.#restore(firstBlockBytes, headerBytes);
    // The first block last, by itself: with it, and not before, the target is a file system.
    await copyPart(clip(head, firstBlockBytes, headerBytes));
    if (this.#jobs.cancelled) return false;
    for (const { volume } of this.#jobs.good) {
      await withVolumeErrors(volume.identity.path, () => clearStamp(volume));
    }
    await this.#restore(0, firstBlockBytes);
    const published = await copyPart(clip(head, 0, firstBlockBytes));
    await this.#jobs.giveUpMissing();
    return published?.cancelled === false;
  }

  /** Puts back what a published target had there: where the source cannot be read, that is what remains. */
  async #restore(from: number, to: number): Promise<void> {
    for (const { index, volume } of this.#jobs.good) {
      const head = this.#published[index]?.subarray(from, to);
      if (head === undefined) continue;
      await volume.writeDurably(from, head);
    }
  }
}
