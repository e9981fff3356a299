/** NTFS maps against partclone, ntfsresize, the maps of other projects' images, and blkid's words. */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { ntfsParser } from '../../../fsparsers/ntfs/index.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { corpusImages } from '../../support/corpus.js';
import { randomFrom } from '../../support/random.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { makeNtfs, mapImage, mebibyte, whileMounted } from './support.js';

interface Range {
  readonly start: number;
  readonly length: number;
}

/** Used ranges, neighbours in one, cut off at `end`. */
function usedRanges(map: UsedMap, end: number): Range[] {
  const used: { start: number; length: number }[] = [];
  for (const { start, length, reason } of map.ranges) {
    const kept = Math.min(start + length, end) - start;
    if (reason === 'free' || kept <= 0) continue;
    const last = used.at(-1);
    if (last !== undefined && last.start + last.length === start) last.length += kept;
    else used.push({ start, length: kept });
  }
  return used;
}

/** The ranges that partclone would copy, by its domain log. */
async function usedByPartclone(image: string, directory: string): Promise<Range[]> {
  const domain = path.join(directory, 'domain');
  const log = path.join(directory, 'log');
  await execa('partclone.ntfs', ['--domain', '-s', image, '-O', domain, '-L', log, '-q']);
  const lines = (await readFile(domain, 'utf8')).split('\n');
  return lines
    .map((line) => /^(0x[0-9A-F]+) +(0x[0-9A-F]+) +\+$/.exec(line))
    .flatMap((match) =>
      match === null ? [] : [{ start: Number(match[1]), length: Number(match[2]) }],
    );
}

async function usedVolume(t: Parameters<typeof makeNtfs>[0]): Promise<string> {
  const image = await makeNtfs(t, 96 * mebibyte, ['--cluster-size', '1024']);
  const random = randomFrom(1);
  await whileMounted(t, image, async (directory) => {
    for (let folder = 0; folder < 10; folder++) {
      const inside = path.join(directory, `folder ${folder}`);
      await mkdir(inside);
      for (let file = 0; file < 60; file++) {
        await writeFile(path.join(inside, String(file)), random.bytes(random.between(1, 60_000)));
      }
      for (let file = 0; file < 60; file += 2) await rm(path.join(inside, String(file)));
    }
  });
  return image;
}

test('partclone copies the same clusters', async (t) => {
  const image = await usedVolume(t);
  const map = await mapImage(image);
  const { clusters } = map.filesystem.geometry;
  const end = Number(clusters) * map.filesystem.blockBytes;
  const theirs = await usedByPartclone(image, await scratchDirectory(t));
  t.true(theirs.length > 20);
  // partclone leaves out what lies behind the clusters, the backup boot sector with it.
  t.deepEqual(usedRanges(map, end), theirs);
});

test('what is used is enough for ntfsresize to find the file system consistent', async (t) => {
  const image = await usedVolume(t);
  const map = await mapImage(image);
  const source = await readFile(image);
  const copy = randomFrom(2).bytes(mebibyte);
  const target = Buffer.alloc(source.length, copy);
  for (const { start, length } of usedRanges(map, source.length)) {
    source.copy(target, start, start, start + length);
  }
  const restored = path.join(await scratchDirectory(t), 'restored.img');
  await writeFile(restored, target);
  const { stdout } = await execa('ntfsresize', ['--info', '--force', restored]);
  t.regex(stdout, /Checking filesystem consistency \.\.\./);
  await execa('ntfsfix', ['--no-action', restored]);
  const sums: string[] = [];
  for (const volume of [image, restored]) {
    await whileMounted(t, volume, async (directory) => {
      sums.push(await checksums(directory));
    });
  }
  t.is(sums[1], sums[0]);
  t.is(sums[0]?.split('\n').length, 300);
});

async function checksums(directory: string): Promise<string> {
  const find = 'cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum';
  const { stdout } = await execa('bash', ['-c', find, 'checksums', directory]);
  return stdout;
}

test('images of other projects are mapped as independent tools see them', async (t) => {
  for (const image of await corpusImages(t, ({ fs }) => fs === 'ntfs')) {
    const map = await mapImage(image.path);
    const expected = await image.usedRanges();
    t.is(image.status, 'clean');
    t.deepEqual(map.notes, [], image.name);
    const clustersEnd = Number(map.filesystem.geometry.clusters) * map.filesystem.blockBytes;
    const theirs = (expected ?? []).filter(({ start }) => start < clustersEnd);
    t.deepEqual(usedRanges(map, clustersEnd), theirs, image.name);
  }
});

test('8 TiB, sparse', async (t) => {
  const image = path.join(await scratchDirectory(t), 'large.img');
  await sparseFile(image, 8 * 2 ** 40);
  await execa('mkntfs', ['--force', '--quick', '--quiet', '--cluster-size', '65536', image]);
  const map = await mapImage(image);
  t.is(map.filesystem.geometry.clusters, 2 ** 27 - 1);
  t.true(map.ranges.totals().free > 7.9 * 2 ** 40);
  t.true(map.ranges.length < 20);
});

test('probe tells NTFS from what only looks like it', async (t) => {
  const image = await makeNtfs(t, 4 * mebibyte);
  const bytes = await readFile(image);
  const { uuid } = (await mapImage(image)).filesystem;
  t.is(await ntfsParser.probe(new BufferReader(bytes)), `NTFS, serial number ${uuid}`);
  t.is(await ntfsParser.probe(new BufferReader(bytes.subarray(0, 100))), null);
  t.is(await ntfsParser.probe(new BufferReader(Buffer.alloc(4096))), null);
  bytes.writeUInt8(1, 0x10);
  t.is(await ntfsParser.probe(new BufferReader(bytes)), null);
  await t.throwsAsync(ntfsParser.parse(new BufferReader(bytes)), { code: 'CORRUPT' });
  await t.throwsAsync(ntfsParser.parse(new BufferReader(Buffer.alloc(4096))), {
    code: 'NOT_RECOGNISED',
  });
});
