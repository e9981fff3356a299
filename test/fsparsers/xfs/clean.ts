/** Clean XFS volumes with something in them: their map is exact, and says so. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { populateTree } from '../../support/tree.js';
import { freeByXfsDb, freeOf, mapImage } from './support.js';

/** A clean volume: no doubt anywhere, and the superblock's own count of free blocks agrees. */
export async function assertClean(t: ExecutionContext, image: string): Promise<UsedMap> {
  const map = await mapImage(image);
  t.deepEqual(map.notes, []);
  t.is(map.crossCheck?.state, 'done');
  t.is(map.filesystem.state, 'clean');
  t.is(map.filesystem.journal.state, 'clean');
  t.is(map.ranges.totals().unknown, 0);
  t.deepEqual(freeOf(map), await freeByXfsDb(image));
  return map;
}

export async function populate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await populateTree(directory, 3, 12);
  const many = Array.from({ length: 400 }, (_, index) => path.join(directory, `small ${index}`));
  for (const file of many) await writeFile(file, 'x'.repeat(5000));
  for (const file of many.filter((_, index) => index % 2 === 0)) await rm(file);
}
