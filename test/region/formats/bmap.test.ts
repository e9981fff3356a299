/** bmap files against bmaptool itself. */

import { readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { alignOutward } from '../../../fsparsers/extents.js';
import {
  copiedExtents,
  garbageTarget,
  mappedVolume,
  markedPair,
  sameWithin,
  writeFormat,
} from '../../support/mapped-volume.js';
import { attachLoop } from '../../support/scratch.js';

/** As to a disk: a target that is a regular file would be emptied first. */
async function copyToDevice(t: ExecutionContext, file: string, source: string, target: string) {
  const device = await attachLoop(t, target);
  await execa('bmaptool', ['copy', '--bmap', file, source, device]);
}

const mebibyte = 1024 * 1024;

test('bmaptool copies exactly the used blocks, and the copy is a clean file system', async (t) => {
  const volume = await mappedVolume(t, { mkfs: ['-b', '4096'] });
  const file = await writeFormat(volume, 'bmap');

  const { source, target } = await markedPair(volume);
  await copyToDevice(t, file, source, target);
  t.deepEqual(await copiedExtents(target), volume.used);

  const copy = await garbageTarget(volume, 'copy.img');
  await copyToDevice(t, file, volume.image, copy);
  await execa('e2fsck', ['-fn', copy]);
  t.true(await sameWithin(volume.image, copy, volume.used));
});

test('blocks smaller than 4 KiB and a partial last block are rounded outwards', async (t) => {
  const sizeBytes = 40 * mebibyte + 1536;
  const volume = await mappedVolume(t, { sizeBytes, mkfs: ['-b', '1024'] });
  const file = await writeFormat(volume, 'bmap');
  const { source, target } = await markedPair(volume);
  await copyToDevice(t, file, source, target);
  t.deepEqual(await copiedExtents(target), alignOutward(volume.used, 4096, sizeBytes));
});

test('bmaptool checks the checksum', async (t) => {
  const volume = await mappedVolume(t);
  const file = await writeFormat(volume, 'bmap');
  const { source, target } = await markedPair(volume);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/<Range> 0-(\d+)/, '<Range> 1-$1'));
  const { stderr } = await execa('bmaptool', ['copy', '--bmap', file, source, target], {
    reject: false,
  });
  t.regex(stderr, /checksum mismatch for bmap file/);
});
