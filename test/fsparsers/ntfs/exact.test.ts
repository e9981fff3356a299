/** Maps of real NTFS volumes against $Bitmap as the ntfsprogs read it, to the cluster. */

import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { randomFrom } from '../../support/random.js';
import {
  clusterDifferences,
  clustersByNtfscat,
  makeNtfs,
  mapImage,
  mebibyte,
  whileMounted,
} from './support.js';

/** Leaves files of many sizes behind, and holes where their neighbours were. */
async function populate(directory: string, files: number, largestBytes: number): Promise<void> {
  const random = randomFrom(files);
  const names = Array.from({ length: files }, (_, index) => path.join(directory, `file ${index}`));
  for (const name of names) await writeFile(name, random.bytes(random.between(1, largestBytes)));
  for (const name of names.filter((_, index) => index % 3 === 0)) await rm(name);
  await mkdir(path.join(directory, 'directory'));
}

async function assertExact(t: ExecutionContext, image: string): Promise<UsedMap> {
  const map = await mapImage(image);
  const { clusters } = map.filesystem.geometry;
  const isUsed = await clustersByNtfscat(image, Number(clusters));
  t.deepEqual(clusterDifferences(map, isUsed).slice(0, 10), []);
  t.deepEqual(map.notes, []);
  t.deepEqual(map.hazards, []);
  t.is(map.filesystem.state, 'clean');
  return map;
}

const kibibyte = 1024;
for (const clusterBytes of [
  512,
  kibibyte,
  4 * kibibyte,
  64 * kibibyte,
  128 * kibibyte,
  256 * kibibyte,
  512 * kibibyte,
  mebibyte,
  2 * mebibyte,
]) {
  test(`clusters of ${clusterBytes} bytes`, async (t) => {
    const sizeBytes = 64 * mebibyte + 200 * clusterBytes;
    const image = await makeNtfs(t, sizeBytes, ['--cluster-size', String(clusterBytes)]);
    await whileMounted(t, image, (directory) => populate(directory, 60, 20_000));
    const map = await assertExact(t, image);
    t.is(map.filesystem.blockBytes, clusterBytes);
    t.true(map.ranges.totals().free > 32 * mebibyte);
  });
}

for (const sectorBytes of [512, 1024, 2048, 4096]) {
  test(`sectors of ${sectorBytes} bytes`, async (t) => {
    const options = ['--sector-size', String(sectorBytes)];
    const image = await makeNtfs(t, 32 * mebibyte, options);
    await whileMounted(t, image, (directory) => populate(directory, 60, 20_000));
    const map = await assertExact(t, image);
    t.is(map.filesystem.geometry['sector bytes'], sectorBytes);
    t.is(map.locate(0), 'boot sector');
    t.is(map.locate(map.deviceBytes - 1), 'backup boot sector');
  });
}

test('label, serial number and size are those that blkid and ntfsinfo print', async (t) => {
  const image = await makeNtfs(t, 16 * mebibyte, ['--label', 'Schöne Daten']);
  const { filesystem } = await mapImage(image);
  const { stdout } = await execa('blkid', ['--probe', '--output', 'export', image]);
  t.true(stdout.includes(`\nUUID=${filesystem.uuid}\n`));
  t.true(stdout.includes(`\nBLOCK_SIZE=${filesystem.geometry['sector bytes']}\n`));
  t.is(filesystem.label, 'Schöne Daten');
  const { stdout: info } = await execa('ntfsinfo', ['--mft', image]);
  t.regex(info, new RegExp(`Volume Size in Clusters: ${filesystem.geometry.clusters}\\n`));
});

test('everything behind the file system is used, on a device that is larger', async (t) => {
  const image = await makeNtfs(t, 16 * mebibyte);
  await truncate(image, 20 * mebibyte + 100);
  const map = await assertExact(t, image);
  const clustersEnd = Number(map.filesystem.geometry.clusters) * map.filesystem.blockBytes;
  for (const { start, length, reason } of map.ranges) {
    if (start + length > clustersEnd) t.not(reason, 'free');
  }
  t.is(map.locate(map.filesystem.sizeBytes), 'backup boot sector');
  t.is(map.locate(20 * mebibyte), 'behind the last cluster');
});

for (const sizeMebibytes of [24, 40]) {
  test(`after ntfsresize from 32 to ${sizeMebibytes} MiB`, async (t) => {
    const image = await makeNtfs(t, 32 * mebibyte);
    await whileMounted(t, image, (directory) => populate(directory, 200, 50_000));
    await truncate(image, Math.max(32, sizeMebibytes) * mebibyte);
    const sizeOption = `--size=${sizeMebibytes * mebibyte}`;
    await execa('ntfsresize', ['--force', '--force', sizeOption, image], { input: 'y\n' });
    // ntfsresize asks for chkdsk by the dirty flag.
    const map = await mapImage(image);
    t.deepEqual(
      map.hazards?.map(({ code }) => code),
      ['NTFS_DIRTY'],
    );
    await execa('ntfsfix', ['--clear-dirty', image]);
    const fixed = await assertExact(t, image);
    t.true(fixed.filesystem.sizeBytes <= sizeMebibytes * mebibyte);
  });
}

/** What ntfs-3g's tools leave behind; all but --clear-dirty leave the repair to chkdsk, by the dirty flag. */
const treatments: Readonly<Record<string, readonly (readonly [string, ...string[]])[]>> = {
  'ntfsfix --clear-dirty': [['ntfsfix', '--clear-dirty']],
  'ntfsfix, then --clear-dirty': [['ntfsfix'], ['ntfsfix', '--clear-dirty']],
  'ntfsfix --clear-bad-sectors --clear-dirty': [
    ['ntfsfix', '--clear-bad-sectors', '--clear-dirty'],
  ],
  ntfslabel: [['ntfslabel', '--force']],
  'ntfslabel --new-serial': [['ntfslabel', '--new-serial']],
};

for (const [name, commands] of Object.entries(treatments)) {
  test(`after ${name}`, async (t) => {
    const image = await makeNtfs(t, 32 * mebibyte);
    await whileMounted(t, image, (directory) => populate(directory, 200, 50_000));
    for (const [program, ...options] of commands) {
      const label = name === 'ntfslabel' ? ['a new label'] : [];
      await execa(program, [...options, image, ...label]);
    }
    const map = await assertExact(t, image);
    t.is(map.ranges.totals().unknown, 0);
  });
}
