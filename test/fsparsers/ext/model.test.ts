/** The parser against the tiny model, and the model against dumpe2fs. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { extParser } from '../../../fsparsers/ext/index.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import { ExtentBuilder } from '../../../src/region/index.js';
import type { ExtentList } from '../../../src/region/index.js';
import { scratchDirectory } from '../../support/scratch.js';
import { freeExtents } from '../../support/free-extents.js';
import { models, writeModel } from './model.js';
import { freeByDumpe2fs } from './oracles.js';
import { sameExtents } from './parsing.js';

function bytesOf(blocks: ReadonlySet<number>, blockBytes: number): ExtentList {
  const extents = new ExtentBuilder();
  const sorted = [...blocks].sort((a, b) => a - b);
  for (const block of sorted) extents.add(block * blockBytes, (block + 1) * blockBytes);
  return extents.finish();
}

test('exactly the free blocks of the model are free', async (t) => {
  await fc.assert(
    fc.asyncProperty(models, async (model) => {
      const { image, freeBlocks } = writeModel(model);
      const map = await extParser.parse(new BufferReader(image));
      t.deepEqual(map.notes, []);
      const expected = bytesOf(freeBlocks, model.blockBytes);
      sameExtents(t, freeExtents(map.ranges), expected, 'free');
      t.is(map.ranges.totals().outside, model.trailingBytes);
    }),
    { numRuns: 400 },
  );
});

test('dumpe2fs reads the model alike', async (t) => {
  const file = path.join(await scratchDirectory(t), 'image');
  await fc.assert(
    fc.asyncProperty(models, async (model) => {
      const { image, freeBlocks } = writeModel(model);
      await writeFile(file, image);
      const expected = bytesOf(freeBlocks, model.blockBytes);
      sameExtents(t, await freeByDumpe2fs(file), expected, 'free');
    }),
    { numRuns: 30 },
  );
});
