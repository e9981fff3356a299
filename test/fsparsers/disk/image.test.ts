/** CD images and partition tables on one disk: hybrids, and disks that were partitioned later. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { describeSignature, mapVolume, probe } from '../../../fsparsers/index.js';
import { fastsync } from '../../support/fastsync.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { emptyDisk, mebibyte, partition, withReader } from './support.js';

async function isoImage(t: ExecutionContext, options: readonly string[] = []): Promise<string> {
  const directory = await scratchDirectory(t);
  const tree = await sparseFile(path.join(directory, 'big'), mebibyte);
  const iso = path.join(directory, 'cd.iso');
  const words = ['-as', 'mkisofs', '-quiet', '-V', 'A_CD', ...options, '-o', iso, tree];
  await execa('xorriso', words, { stderr: 'ignore' });
  return iso;
}

/** A disk to which an image was written. */
async function burnt(t: ExecutionContext, iso: string): Promise<string> {
  const image = await emptyDisk(t, 64 * mebibyte);
  await execa('dd', [`if=${iso}`, `of=${image}`, 'bs=1M', 'conv=notrunc', 'status=none']);
  return image;
}

function named(image: string): Promise<string[]> {
  return withReader(image, async (reader) => (await probe(reader)).map(describeSignature));
}

const tables = [
  ['GPT', 'label: gpt\nsize=8M\nsize=16M\n', 'gpt'],
  ['MBR', 'label: dos\nsize=8M\nsize=16M\n', 'dos'],
  ['MBR of the old alignment', 'label: dos\nstart=63, size=16384\n', 'dos'],
  // As Windows does: its reserved partition covers the descriptor.
  ['GPT from its first sector on', 'label: gpt\nfirst-lba: 34\nstart=34, size=8M\n', 'gpt'],
] as const;

for (const [what, script, type] of tables) {
  for (const kind of ['ISO', 'UDF'] as const) {
    test(`${what} over an older ${kind}: the disk is mapped, and both are named`, async (t) => {
      const image = await burnt(t, await isoImage(t));
      if (kind === 'UDF') await execa('mkudffs', ['--utf8', '--blocksize=2048', image]);
      await partition(t, image, `wipe: never\n${script}`.replace('wipe: never\n', ''));
      const { stdout } = await execa('wipefs', [image]);
      const old = kind === 'ISO' ? 'iso9660' : 'udf';
      t.true(stdout.includes(old), stdout);
      t.true(stdout.includes(type), stdout);

      const names = (await named(image)).join('\n');
      t.regex(names, new RegExp(`^${type},`));
      t.regex(names, new RegExp(`${old} .*a remnant of an image`));
      const map = await withReader(image, (reader) => mapVolume(reader));
      t.is(map.filesystem.type, type);
      t.true((map.partitions?.length ?? 0) > 0);
    });
  }
}

test('the question before overwriting names both', async (t) => {
  const image = await burnt(t, await isoImage(t));
  await partition(t, image, tables[0][1]);
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source'), 16 * mebibyte);
  await execa('mke2fs', ['-q', '-F', source]);
  const state = ['--state-dir', path.join(directory, 'state')];
  const run = await fastsync(['init', '--src', source, '--dst', image, ...state]);
  t.is(run.exitCode, 4);
  t.regex(String(run.stderr), /holds gpt, .*; iso9660 "A_CD"/);
});

for (const options of [
  ['--protective-msdos-label'],
  ['-partition_offset', '16'],
  ['-appended_part_as_gpt', '-append_partition', '2', '0xef', '/etc/passwd'],
  ['-append_partition', '2', '0x83', '/etc/passwd'],
]) {
  test(`a hybrid stays a CD: ${options.join(' ')}`, async (t) => {
    for (const image of [await isoImage(t, options), await burnt(t, await isoImage(t, options))]) {
      t.regex((await execa('wipefs', [image])).stdout, /PMBR|dos|gpt/);
      const map = await withReader(image, (reader) => mapVolume(reader));
      t.is(map.filesystem.type, 'iso9660');
      t.is(map.ranges.totals().free, 0);
    }
  });
}

test('an image that took the place of a partition table is a CD', async (t) => {
  const image = await emptyDisk(t, 64 * mebibyte);
  await partition(t, image, tables[0][1]);
  const iso = await isoImage(t);
  await execa('dd', [`if=${iso}`, `of=${image}`, 'bs=1M', 'conv=notrunc', 'status=none']);
  t.regex((await execa('wipefs', [image])).stdout, /gpt/);
  const map = await withReader(image, (reader) => mapVolume(reader));
  t.is(map.filesystem.type, 'iso9660');
  t.regex((await named(image)).join('\n'), /gpt.*protective MBR/);

  // Where the MBR protects it all the same, the kernel takes the backup: nobody can tell which it is.
  await using handle = await open(image, 'r+');
  const entry = Buffer.from([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 1, 0]);
  await handle.write(entry, 0, entry.length, 0x1be);
  await handle.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
  const both = { code: 'AMBIGUOUS', message: /gpt.*iso9660|iso9660.*gpt/ };
  await t.throwsAsync(
    withReader(image, (reader) => mapVolume(reader)),
    both,
  );
});
