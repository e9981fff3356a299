/** A disk with a file system of each family: each partition as if it were a volume of its own. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { mapVolume } from '../../../fsparsers/index.js';
import type { MapRange } from '../../../fsparsers/reason.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { emptyDisk, mebibyte, partition, withReader } from './support.js';

const gapMebibytes = 2;
const volumes = [
  { type: 'ext4', mebibytes: 64, make: ['mkfs.ext4', '-q'] },
  { type: 'xfs', mebibytes: 320, make: ['mkfs.xfs', '-q'] },
  { type: 'ntfs', mebibytes: 48, make: ['mkntfs', '--force', '--quick', '--quiet'] },
  { type: 'vfat', mebibytes: 40, make: ['mkfs.vfat'] },
  { type: 'swap', mebibytes: 16, make: ['mkswap', '--quiet'] },
] as const;

function map(image: string): Promise<UsedMap> {
  return withReader(image, (reader) => mapVolume(reader));
}

function rangesWithin(map: UsedMap, start: number, length: number): MapRange[] {
  const found: MapRange[] = [];
  for (const range of map.ranges) {
    const from = Math.max(range.start, start);
    const to = Math.min(range.start + range.length, start + length);
    if (to > from) found.push({ start: from - start, length: to - from, reason: range.reason });
  }
  return found;
}

for (const scheme of ['gpt', 'dos'] as const) {
  test(`${scheme}: each partition as a volume of its own`, async (t) => {
    const directory = await scratchDirectory(t);
    let next = gapMebibytes;
    const placed = volumes.map((volume) => {
      const start = next;
      next = start + volume.mebibytes + gapMebibytes;
      return { ...volume, start };
    });
    const disk = await emptyDisk(t, next * mebibyte);
    const line = (start: number, size: number, rest = ''): string =>
      `start=${start}M, size=${size}M${rest}\n`;
    const lines = placed.map(({ start, mebibytes }) => line(start, mebibytes));
    if (scheme === 'dos') {
      const [first] = placed.slice(3);
      const begin = (first?.start ?? 0) - 1;
      lines.splice(3, 0, line(begin, next - begin - 1, ', type=f'));
    }
    await partition(t, disk, `label: ${scheme}\n${lines.join('')}`);
    for (const { type, mebibytes, make, start } of placed) {
      const volume = await sparseFile(path.join(directory, type), mebibytes * mebibyte);
      const [command, ...options] = make;
      await execa(command, [...options, volume]);
      const where = ['bs=1M', `seek=${start}`, 'conv=notrunc,sparse', 'status=none'];
      await execa('dd', [`if=${volume}`, `of=${disk}`, ...where]);
    }

    const whole = await map(disk);
    const found = whole.partitions?.filter(({ filesystem }) => filesystem !== null) ?? [];
    t.deepEqual(
      found.map(({ filesystem }) => filesystem?.type),
      placed.map(({ type }) => type),
    );
    for (const [index, { type, start, mebibytes }] of placed.entries()) {
      const own = await map(path.join(directory, type));
      const ours = rangesWithin(whole, start * mebibyte, mebibytes * mebibyte);
      t.deepEqual(ours, [...own.ranges], type);
      const number = found[index]?.index;
      t.is(whole.locate(start * mebibyte + 1024), `partition ${number}: ${own.locate(1024)}`);
    }
    let outside = 0;
    for (const { start } of placed) {
      const gap = rangesWithin(whole, start * mebibyte - 1024, 1024);
      t.false(gap.some(({ reason }) => reason === 'free'));
      outside += gap.length;
    }
    t.true(outside >= placed.length);
  });
}

test('a partition table within a partition is not followed', async (t) => {
  const disk = await emptyDisk(t, 64 * mebibyte);
  await partition(t, disk, 'label: dos\nstart=4M, size=32M\n');
  const inner = await emptyDisk(t, 32 * mebibyte);
  await partition(t, inner, 'label: dos\nstart=4M, size=16M\n');
  const where = ['bs=1M', 'seek=4', 'conv=notrunc,sparse', 'status=none'];
  await execa('dd', [`if=${inner}`, `of=${disk}`, ...where]);
  const found = await map(disk);
  t.is(found.partitions?.length, 1);
  t.is(found.partitions?.[0]?.filesystem?.type, 'dos');
  t.is(found.ranges.totals().free, 0);
});
