/** The map of a frozen file system, read past the page cache: what its own tools say of a direct copy. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { mapVolume, type UsedMap } from '../../../fsparsers/index.js';
import { FastsyncError } from '../../../src/errors.js';
import { freeExtents } from '../../support/free-extents.js';
import { freeze, openVolume } from '../../../src/volume/index.js';
import { directReader } from '../../../src/volume/local/direct-reader.js';
import { openLocal } from '../../../src/volume/local/open.js';
import { freeByDumpe2fs } from '../../fsparsers/ext/oracles.js';
import { freeByXfsDb, freeOf } from '../../fsparsers/xfs/support.js';
import { seededRandom } from '../../support/random.js';
import { scratchDirectory } from '../../support/scratch.js';
import { mountedKind, type Mounted } from '../freeze/freezing.js';
import { noise } from '../../engine/volumes.js';

/** Files of every size, of which a third goes again: metadata all over the volume changes. */
async function change(t: ExecutionContext, directory: string, round: number): Promise<void> {
  const random = seededRandom(t, 77 + round);
  await mkdir(path.join(directory, `round${round}`));
  const names = Array.from({ length: 150 }, (_, index) => `round${round}/file${index}`);
  for (const name of names) {
    await writeFile(path.join(directory, name), noise(round, random.between(0, 300_000)));
  }
  for (const name of names.filter(() => random.next() < 0.33)) await rm(path.join(directory, name));
}

/** Maps the volume past its cache while frozen, and copies it past the cache at the same time. */
async function frozenMap(t: ExecutionContext, { volume, device }: Mounted) {
  const copy = path.join(await scratchDirectory(t), 'copy');
  await using opened = await openVolume(device);
  const frozen = await freeze({ volume, maxFreezeMs: 60_000, mustNotFreeze: [copy] });
  const map = await mapVolume(opened.directReader);
  await execa('dd', [`if=${device}`, `of=${copy}`, 'bs=1M', 'iflag=direct', 'status=none']);
  await frozen.thaw();
  return { map, copy };
}

const freeByTools = {
  ext4: async (copy: string) => freeByDumpe2fs(copy),
  xfs: freeByXfsDb,
} as const;

const freeByMap = {
  ext4: (map: UsedMap) => freeExtents(map.ranges),
  xfs: freeOf,
} as const;

for (const kind of ['ext4', 'xfs'] as const) {
  test(`${kind}: the map of a frozen volume is that of its disk, time after time`, async (t) => {
    const mount = await mountedKind(t, kind);
    await using opened = await openVolume(mount.device);
    for (let round = 0; round < 3; round++) {
      // The whole device is in the page cache, as it was before the change.
      await execa('dd', [`if=${mount.device}`, 'of=/dev/null', 'bs=1M', 'status=none']);
      await mapVolume(opened.reader);
      await change(t, mount.directory, round);
      const { map, copy } = await frozenMap(t, mount);
      t.regex(map.filesystem.type, new RegExp(kind));
      t.deepEqual(freeByMap[kind](map), await freeByTools[kind](copy));
      await using copied = await openVolume(copy);
      t.deepEqual(freeByMap[kind](map), freeByMap[kind](await mapVolume(copied.reader)));
    }
  });
}

test('any piece is read, and none beyond the end', async (t) => {
  const file = path.join(await scratchDirectory(t), 'file');
  const content = noise(5, 100_001);
  await writeFile(file, content);
  await using opened = await openLocal(file);
  const reader = opened.directReader;
  t.is(reader.sizeBytes, content.length);
  for (const [start, length] of [
    [0, content.length],
    [0, 0],
    [4095, 2],
    [100_000, 1],
  ] as const) {
    const expected = new Uint8Array(content.subarray(start, start + length));
    t.deepEqual(await reader.read(start, length), expected);
  }
  await t.throwsAsync(reader.read(100_000, 2), { instanceOf: RangeError });
  await t.throwsAsync(reader.read(-1, 1), { instanceOf: RangeError });
  const beyond = directReader({ fd: opened.handle.fd, path: file, sizeBytes: 200_000 });
  const error = await t.throwsAsync(beyond.read(150_000, 10), { instanceOf: FastsyncError });
  t.is(error.code, 'READ_ERROR');
});
