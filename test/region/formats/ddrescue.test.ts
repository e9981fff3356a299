/** ddrescue mapfiles against ddrescue, ddrescuelog and nbdkit's ddrescue filter. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { canonical, ExtentBuilder, type ExtentList, union } from '../../../fsparsers/extents.js';
import { ddrescueMap, formats } from '../../../src/region/formats/index.js';
import { badExtents, usedExtents } from '../../../src/region/frommap.js';
import { anyMap } from '../../support/any-map.js';
import { freeExtents } from '../../support/free-extents.js';
import {
  copiedExtents,
  garbageTarget,
  mappedVolume,
  markedPair,
  sameWithin,
  writeFormat,
} from '../../support/mapped-volume.js';
import { scratchDirectory } from '../../support/scratch.js';

/** The blocks of a type as ddrescuelog lists them. */
async function listedBlocks(file: string, type: string, blockBytes: number) {
  const arguments_ = ['-b', String(blockBytes), `--list-blocks=${type}`, file];
  const { stdout } = await execa('ddrescuelog', arguments_);
  const pairs = stdout
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => [Number(line) * blockBytes, blockBytes]);
  return canonical(Float64Array.from(pairs));
}

/** The blocks of a status in a mapfile's text, which follow each other without gaps. */
function blocksOf(text: string, wanted: string): ExtentList {
  const builder = new ExtentBuilder();
  let end = 0;
  for (const [, start, length, status] of text.matchAll(/^(0x\S+) {2}(0x\S+) {2}(\S)$/gm)) {
    if (Number(start) !== end) throw new Error(`a block begins at ${start}, not at ${end}`);
    end += Number(length);
    if (status === wanted) builder.add(Number(start), end);
  }
  return builder.finish();
}

test('of any map, what is used is finished, and what is free or bad is not tried', (t) => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const device = { path: '/dev/sda1', bytes: map.deviceBytes };
      const text = [...formats.ddrescue(map, device)].join('');
      t.deepEqual(blocksOf(text, '+'), usedExtents(map.ranges));
      t.deepEqual(blocksOf(text, '?'), union(freeExtents(map.ranges), badExtents(map.ranges)));
    }),
  );
});

test('ddrescuelog lists exactly the used blocks as finished', async (t) => {
  const volume = await mappedVolume(t);
  const file = await writeFormat(volume, 'ddrescue');
  t.deepEqual(await listedBlocks(file, '+', 1024), volume.used);
});

test('ddrescue -m copies exactly the used blocks, and the copy is a clean file system', async (t) => {
  const volume = await mappedVolume(t);
  const file = await writeFormat(volume, 'ddrescue');

  const { source, target } = await markedPair(volume);
  await execa('ddrescue', ['--force', '-m', file, source, target]);
  t.deepEqual(await copiedExtents(target), volume.used);

  const copy = await garbageTarget(volume, 'copy.img');
  await execa('ddrescue', ['--force', '-m', file, volume.image, copy]);
  await execa('e2fsck', ['-fn', copy]);
  t.true(await sameWithin(volume.image, copy, volume.used));
});

test("nbdkit's ddrescue filter lets exactly the used blocks be read", async (t) => {
  const volume = await mappedVolume(t, { sizeBytes: 24 * 1024 * 1024, mkfs: ['-b', '1024'] });
  const file = await writeFormat(volume, 'ddrescue');
  const blocks = volume.bytes / 1024;
  const reads = Array.from({ length: blocks }, (_, block) => `read ${block * 1024} 1024`);
  const { all } = await execa(
    'nbdkit',
    [
      ...['-U', '-', '--filter=ddrescue', 'file', volume.image, `ddrescue-mapfile=${file}`],
      ...['--run', 'qemu-io -r -f raw "$uri" 2>&1'],
    ],
    { input: reads.join('\n'), all: true, reject: false },
  );
  const readable = new ExtentBuilder();
  for (const [, at] of all.matchAll(/read 1024\/1024 bytes at offset (\d+)/g)) {
    readable.add(Number(at), Number(at) + 1024);
  }
  t.deepEqual(readable.finish(), volume.used);
});

test('ddrescue goes on with a rescue mapfile, and asks for the bad sectors only', async (t) => {
  const directory = await scratchDirectory(t);
  const deviceBytes = 1024 * 1024;
  const bad = Float64Array.of(0, 512, 4096, 1024, 8192, 512, deviceBytes - 512, 512);
  const file = path.join(directory, 'rescue.map');
  await writeFile(file, ddrescueMap(bad, deviceBytes));
  t.deepEqual(await listedBlocks(file, '-', 512), bad);

  const source = path.join(directory, 'source');
  const target = path.join(directory, 'target');
  await writeFile(source, Buffer.alloc(deviceBytes, 0xaa));
  await writeFile(target, Buffer.alloc(deviceBytes, 0x55));
  await execa('ddrescue', ['--force', '--retry-passes=1', source, target, file]);
  t.deepEqual(await copiedExtents(target), bad);
  await execa('ddrescuelog', ['--done-status', file]);
});

test('a rescue mapfile without bad sectors is done', async (t) => {
  const file = path.join(await scratchDirectory(t), 'rescue.map');
  await writeFile(file, ddrescueMap(new Float64Array(0), 2 ** 46));
  await t.notThrowsAsync(execa('ddrescuelog', ['--done-status', file]));
  t.deepEqual(await listedBlocks(file, '+', 2 ** 30), Float64Array.of(0, 2 ** 46));
});
