/** Ignores differences that freezing a file system makes. */

import { type Extent, freezeTraces, SubReader, type UsedMap } from '../../../fsparsers/index.js';
import type { CompareResult, Job } from '../../engine/index.js';
import { clip, extentOf, subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import type { Comparator } from './comparator.js';

/** A file system that lies completely on both sides. */
interface Place extends Extent {
  readonly type: string;
}

/**
 * Compares as `comparator` does, but ignores what a freeze itself rewrites (freeze-traces.ts): where both
 * sides mean the same there, they are equal.
 */
export function traceComparator(
  comparator: Comparator,
  left: Volume,
  right: Volume,
  map: UsedMap,
): Comparator {
  const places = placesOf(map).filter(
    ({ start, length }) => start + length <= right.identity.sizeBytes,
  );
  return {
    cutBytes: comparator.cutBytes,
    compare(extents, ioOptions) {
      const job = comparator.compare(extents, ioOptions);
      const done = job.done.then((result) => withoutTraces(result, places, left, right));
      return {
        progress: () => job.progress(),
        cancel: () => {
          job.cancel();
        },
        done,
      } satisfies Job<CompareResult>;
    },
  };
}

function placesOf({ deviceBytes, filesystem, partitions }: UsedMap): Place[] {
  if (partitions === undefined) return [{ start: 0, length: deviceBytes, type: filesystem.type }];
  return partitions.flatMap(({ start, length, filesystem: held }) =>
    held === null ? [] : [{ start, length, type: held.type }],
  );
}

async function withoutTraces(
  result: CompareResult,
  places: readonly Place[],
  left: Volume,
  right: Volume,
): Promise<CompareResult> {
  let { differentRanges } = result;
  for (const { start, length, type } of places) {
    const found = differentRanges;
    if (clip(found, start, length).length === 0) continue;
    const differs = (range: Extent) => clip(found, start + range.start, range.length).length > 0;
    const [one, other] = [left, right].map(
      (side) => new SubReader(side.directReader, start, length),
    ) as [SubReader, SubReader];
    // Unreadable traces are ignored here; the comparison itself reports what cannot be read.
    const traces = await freezeTraces(type, one, other, differs).catch(() => []);
    for (const trace of traces) {
      differentRanges = subtract(differentRanges, extentOf(start + trace.start, trace.length));
    }
  }
  return { ...result, differentRanges };
}
