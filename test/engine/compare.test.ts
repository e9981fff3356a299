/** Comparing, against cmp's list of differing bytes. */

import test from 'ava';
import { execa } from 'execa';
import { compare, descriptorEndpoint } from '../../src/engine/index.js';
import { seededRandom } from '../support/random.js';
import {
  backends,
  fill,
  KiB,
  MiB,
  noise,
  opened,
  randomExtents,
  volumeKinds,
  type VolumeKind,
} from './volumes.js';

const { loop512, loop4096, ext4, xfs, tmpfs } = volumeKinds;

/** The granules, clipped to the extents and joined, that hold the bytes in them which cmp lists. */
async function differencesByCmp(
  left: string,
  right: string,
  extents: Float64Array,
  granularityBytes: number,
): Promise<number[]> {
  const { stdout } = await execa('cmp', ['--verbose', left, right], { reject: false });
  const bytes = stdout.split('\n').map((line) => Number.parseInt(line, 10) - 1);
  const ranges: number[] = [];
  for (let i = 0; i < extents.length; i += 2) {
    const start = extents[i] as number;
    const end = start + (extents[i + 1] as number);
    const granules = new Set(
      bytes.filter((at) => at >= start && at < end).map((at) => Math.floor(at / granularityBytes)),
    );
    for (const granule of [...granules].sort((a, b) => a - b)) {
      const from = Math.max(start, granule * granularityBytes);
      const to = Math.min(end, (granule + 1) * granularityBytes);
      const previousEnd = (ranges.at(-2) ?? 0) + (ranges.at(-1) ?? 0);
      if (ranges.length > 0 && previousEnd === from) ranges.push((ranges.pop() ?? 0) + to - from);
      else ranges.push(from, to - from);
    }
  }
  return ranges;
}

interface Case {
  readonly left: VolumeKind;
  readonly right: VolumeKind;
  readonly unitBytes: number;
  readonly granularityBytes: number;
}

const cases: readonly Case[] = [
  { left: loop512, right: loop512, unitBytes: 4 * KiB, granularityBytes: 4 * KiB },
  { left: loop4096, right: ext4, unitBytes: 4 * KiB, granularityBytes: 64 * KiB },
  { left: xfs, right: tmpfs, unitBytes: 4 * KiB, granularityBytes: 512 },
  { left: tmpfs, right: tmpfs, unitBytes: 64 * KiB, granularityBytes: 4 * KiB },
];

for (const [index, { left, right, unitBytes, granularityBytes }] of cases.entries()) {
  test(`${left.name} with ${right.name}: the differences that cmp finds`, async (t) => {
    const random = seededRandom(t, 200 + index);
    const sizeBytes = 8 * MiB;
    const leftPath = await left.make(t, sizeBytes);
    const rightPath = await right.make(t, sizeBytes);
    const content = noise(index, sizeBytes);
    await fill(leftPath, content);
    for (let i = 0; i < 60; i++) {
      const at = random.between(0, sizeBytes - 9000);
      const length = random.pick([1, 2, 5000, 9000]);
      // Every byte of it differs: whole granules are decided by whole granules.
      for (let offset = at; offset < at + length; offset++)
        content[offset] = (content[offset] ?? 0) ^ 1;
    }
    await fill(rightPath, content);
    const leftFile = await opened(t, leftPath, 'r');
    const rightFile = await opened(t, rightPath, 'r');
    for (const backend of backends) {
      const extents = randomExtents(random, sizeBytes, unitBytes, 20);
      const result = await compare({
        left: descriptorEndpoint(leftFile.fd),
        right: descriptorEndpoint(rightFile.fd),
        extents,
        granularityBytes,
        backend,
        chunkBytes: 256 * KiB,
      }).done;
      const expected = await differencesByCmp(leftPath, rightPath, extents, granularityBytes);
      t.deepEqual([...result.differentRanges], expected);
      t.true(expected.length > 0);
      t.deepEqual([...result.unreadableRanges], []);
      const { totalBytes, completedBytes, durableBytes, identicalBytes, differentBytes } =
        result.progress;
      t.is(completedBytes, totalBytes);
      t.is(durableBytes, totalBytes);
      t.is(identicalBytes + differentBytes, totalBytes);
      t.is(
        differentBytes,
        expected.reduce((sum, number, i) => (i % 2 === 1 ? sum + number : sum), 0),
      );
    }
  });
}

test('starting in the middle leaves out what is before', async (t) => {
  const sizeBytes = MiB;
  const leftPath = await tmpfs.make(t, sizeBytes);
  const rightPath = await tmpfs.make(t, sizeBytes);
  await fill(rightPath, Buffer.from('x'));
  const leftFile = await opened(t, leftPath, 'r');
  const rightFile = await opened(t, rightPath, 'r');
  const request = {
    left: descriptorEndpoint(leftFile.fd),
    right: descriptorEndpoint(rightFile.fd),
    extents: Float64Array.of(0, sizeBytes),
  };
  const whole = await compare(request).done;
  t.deepEqual([...whole.differentRanges], [0, 4096]);
  const rest = await compare({ ...request, startAtBytes: 4096 }).done;
  t.deepEqual([...rest.differentRanges], []);
  t.is(rest.progress.completedBytes, sizeBytes);
  t.is(rest.progress.identicalBytes, sizeBytes - 4096);
});

test('refuses a granularity that is no power of two', async (t) => {
  const file = await opened(t, await tmpfs.make(t, MiB), 'r');
  const request = {
    left: descriptorEndpoint(file.fd),
    right: descriptorEndpoint(file.fd),
    extents: Float64Array.of(0, MiB),
  };
  t.throws(() => compare({ ...request, granularityBytes: 1536 }), { message: /power of two/ });
});
