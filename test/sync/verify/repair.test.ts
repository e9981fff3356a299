/** A repair that is stopped says so: what was copied and not yet read back is neither repaired nor different. */

import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { emptyExtents } from '../../../src/region/index.js';
import { volumeComparator } from '../../../src/sync/verify/comparator.js';
import { repair } from '../../../src/sync/verify/repair.js';
import { openVolume } from '../../../src/volume/index.js';
import { cmp, fill, MiB, noise } from '../../engine/volumes.js';
import { flipBits } from '../../support/fastverify.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';

const sizeBytes = 4 * MiB;
const different = Float64Array.of(2 * MiB, 512);
const notProven = { unreadable: emptyExtents, changing: emptyExtents, unstable: emptyExtents };

for (const isStopped of [false, true]) {
  test(isStopped ? 'stopped while it is read back' : 'read back to the end', async (t) => {
    const directory = await scratchDirectory(t);
    const left = await sparseFile(path.join(directory, 'left'), sizeBytes);
    await fill(left, noise(31, sizeBytes));
    const right = path.join(directory, 'right');
    await copyFile(left, right);
    await flipBits(right, [{ at: 2 * MiB + 7, bit: 3 }]);
    await using source = await openVolume(left);
    await using target = await openVolume(right, { write: true });
    const stop = new AbortController();
    const comparator = volumeComparator(source, target);
    const result = await repair({
      source,
      target,
      comparator: {
        ...comparator,
        compare: (extents, ioOptions) => {
          if (isStopped) stop.abort();
          return comparator.compare(extents, ioOptions);
        },
      },
      detector: { writtenSince: () => Promise.resolve(emptyExtents) },
      answers: { different, notProven },
      ioOptions: {},
      reporter: { report: () => undefined },
      signal: stop.signal,
    });
    t.is(await cmp(left, right, sizeBytes), '', 'it was copied');
    t.is(result.interrupted, isStopped);
    t.deepEqual(result.repaired, isStopped ? emptyExtents : different);
    t.deepEqual(result.answers.different, isStopped ? different : emptyExtents);
  });
}
