/** Tens of millions of scattered writes: what is kept of them is bounded, and covers all of them. */

import test from 'ava';
import { subtract, type ExtentList } from '../../../src/region/index.js';
import { TrackedWrites } from '../../../src/sync/consistency/tracked-writes.js';
import { DirtySet, replicaExtents } from '../../../src/sync/consistency/dirty-set.js';
import type { Tracker } from '../../../src/tracker/index.js';

const mebibyte = 1024 ** 2;
const count = 10_000_000;
const clusterMarks = 16;
const clusterBytes = 16 * mebibyte;
const stampBytes = 4096;

/** Every other mark of a cluster, and a cluster in each 16 MiB; each time in another place of it. */
function scattered(time: number): ExtentList {
  const list = new Float64Array(2 * count);
  for (let index = 0; index < count; index++) {
    const cluster = Math.floor(index / clusterMarks) * clusterBytes + time * 4 * mebibyte;
    list[2 * index] = cluster + (index % clusterMarks) * 2 * stampBytes;
    list[2 * index + 1] = stampBytes;
  }
  return list;
}

/** Gives such a list at each drain. */
function tracker(): Tracker {
  let drains = 0;
  const drain = () => Promise.resolve({ dirty: scattered(drains++), missed: null });
  return { drain, volume: { path: 'scattered' } } as unknown as Tracker;
}

test('the dirty set of an online seed', async (t) => {
  const writes = new TrackedWrites(tracker(), Number.MAX_SAFE_INTEGER);
  const { dirtySet } = writes;
  for (let time = 0; time < 3; time++) {
    await writes.drain();
    t.is(subtract(scattered(time), dirtySet.extents).length, 0, 'none is lost');
    t.log(`${dirtySet.extents.byteLength / mebibyte} MiB for ${(time + 1) * count} marks`);
    t.true(dirtySet.extents.byteLength <= 64 * mebibyte);
  }
  t.true(dirtySet.bytes <= 2 * 3 * count * stampBytes, 'what lies far apart is not joined');
});

test('the dirty set of a target that is followed', (t) => {
  const set = new DirtySet(replicaExtents);
  for (let time = 0; time < 3; time++) set.add(scattered(time));
  const list = set.take();
  t.log(`${list.byteLength / mebibyte} MiB for ${3 * count} marks`);
  t.true(list.byteLength <= 4 * mebibyte);
  for (let time = 0; time < 3; time++) t.is(subtract(scattered(time), list).length, 0);
});
