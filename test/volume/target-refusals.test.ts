/** What is refused of targets: in use, too small, the same storage, holding something. */

import { link, rename, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { FastsyncError } from '../../src/errors.js';
import { identifyVolume, openVolume } from '../../src/volume/index.js';
import { createTargetFile, resizeTargetFile } from '../../src/volume/local/target.js';
import { randomFrom } from '../support/random.js';
import {
  attachLoop,
  attachPartitioned,
  mounted,
  scratchDirectory,
  sparseFile,
} from '../support/scratch.js';
import { background, emptyImage, ext4Image, inspect, mebibyte, refuses } from './support.js';

test('a mounted target is refused, read-only too', async (t) => {
  const source = await ext4Image(t);
  const target = await attachLoop(t, await ext4Image(t));
  const { directory } = await mounted(t, target, ['-o', 'ro']);
  const refusals = await refuses(t, source, [target], 'TARGET_HAS_DATA', 'TARGET_MOUNTED');
  t.true(refusals.some(({ message }) => message.endsWith(`is mounted on ${directory}`)));
});

test('a target image that is attached to a loop device is in use', async (t) => {
  const target = await emptyImage(t);
  const device = await attachLoop(t, target);
  const [refusal] = await refuses(t, await ext4Image(t), [target], 'TARGET_IN_USE');
  t.regex(refusal?.message ?? '', new RegExp(device));
});

test('a target that is swap, or that a process writes, is in use', async (t) => {
  const source = await ext4Image(t);
  const swap = await emptyImage(t);
  await execa('mkswap', [swap]);
  const device = await attachLoop(t, swap);
  await execa('swapon', [device]);
  t.teardown(() => execa('swapoff', [device], { reject: false }));
  await refuses(t, source, [device], 'TARGET_HAS_DATA', 'TARGET_IN_USE');

  const target = await emptyImage(t);
  const pid = await background(t, `exec 3>> ${target}`);
  const [refusal] = await refuses(t, source, [target], 'TARGET_IN_USE');
  t.regex(refusal?.message ?? '', new RegExp(`bash \\(pid ${pid}\\)`));
});

test('a disk whose partition is mounted is refused as a target', async (t) => {
  const disk = await emptyImage(t, 40);
  await execa('sfdisk', ['--quiet', disk], { input: 'label: gpt\nsize=16MiB\nsize=16MiB\n' });
  const device = await attachPartitioned(t, disk);
  await execa('mke2fs', ['-q', '-t', 'ext4', `${device}p1`]);
  await mounted(t, `${device}p1`);
  const source = await ext4Image(t);
  await refuses(t, source, [device], 'TARGET_HAS_DATA', 'TARGET_MOUNTED');
  await refuses(t, source, [`${device}p2`]);
});

test('a device smaller than the source is refused; a file is made to fit', async (t) => {
  const source = await ext4Image(t, 16);
  const small = await emptyImage(t, 8);
  await refuses(t, source, [small]);
  await refuses(t, source, [await attachLoop(t, small)], 'TARGET_TOO_SMALL');
});

test('every way to name the same storage twice is refused', async (t) => {
  const directory = await scratchDirectory(t);
  const source = await ext4Image(t);
  const hard = path.join(path.dirname(source), 'hard');
  const soft = path.join(directory, 'soft');
  await link(source, hard);
  await symlink(source, soft);
  for (const target of [source, hard, soft]) {
    await refuses(t, source, [target], 'SAME_STORAGE', 'TARGET_HAS_DATA');
  }
  const device = await attachLoop(t, source);
  await refuses(t, device, [source], 'SAME_STORAGE', 'TARGET_HAS_DATA', 'TARGET_IN_USE');
  await refuses(t, source, [device], 'SAME_STORAGE', 'TARGET_HAS_DATA');
  const twin = await attachLoop(t, source);
  const codes = ['SAME_STORAGE', 'TARGET_HAS_DATA', 'TARGET_IN_USE'] as const;
  await refuses(t, device, [twin], ...codes);
});

test('a partition and its disk are the same storage, two partitions are not', async (t) => {
  const disk = await emptyImage(t, 40);
  await execa('sfdisk', ['--quiet', disk], { input: 'label: gpt\nsize=16MiB\nsize=16MiB\n' });
  const device = await attachPartitioned(t, disk);
  await execa('mke2fs', ['-q', '-t', 'ext4', `${device}p1`]);
  await refuses(t, `${device}p1`, [device], 'SAME_STORAGE', 'TARGET_HAS_DATA');
  await refuses(t, device, [`${device}p2`], 'SAME_STORAGE', 'TARGET_TOO_SMALL');
  await refuses(t, `${device}p1`, [`${device}p2`]);
});

test('a target file on the very file system that is the source is refused, new or old', async (t) => {
  const source = await attachLoop(t, await ext4Image(t, 32));
  const { directory } = await mounted(t, source);
  const old = await sparseFile(path.join(directory, 'old'), mebibyte);
  for (const target of [old, path.join(directory, 'new')]) {
    const refusals = await refuses(t, source, [target], 'SAME_STORAGE', 'SOURCE_MOUNTED');
    t.true(refusals.some(({ message }) => message.includes('the file system on')));
  }
});

test('a source file that lies on the target is refused', async (t) => {
  const target = await attachLoop(t, await ext4Image(t, 64));
  const { directory } = await mounted(t, target);
  const source = path.join(directory, 'image');
  await sparseFile(source, 8 * mebibyte);
  const codes = ['SAME_STORAGE', 'TARGET_HAS_DATA', 'TARGET_MOUNTED'] as const;
  await refuses(t, source, [target], ...codes);
});

test('a btrfs subvolume, whose device number leads nowhere, does not hide it', async (t) => {
  const image = await emptyImage(t, 128);
  await execa('mkfs.btrfs', ['--quiet', image]);
  const source = await attachLoop(t, image);
  const { directory } = await mounted(t, source);
  await execa('btrfs', ['subvolume', 'create', path.join(directory, 'sub')]);
  const target = await sparseFile(path.join(directory, 'sub/target'), mebibyte);
  await refuses(t, source, [target], 'SAME_STORAGE', 'SOURCE_MOUNTED');
});

test('two files on one file system are not the same storage', async (t) => {
  const { directory } = await mounted(t, await attachLoop(t, await ext4Image(t, 64)));
  const source = await sparseFile(path.join(directory, 'a'), mebibyte);
  await refuses(t, source, [await sparseFile(path.join(directory, 'b'), mebibyte)]);
});

test('one target given twice is refused', async (t) => {
  const source = await ext4Image(t);
  const target = await emptyImage(t);
  await refuses(t, source, [target, target], 'SAME_STORAGE');
  const fresh = path.join(await scratchDirectory(t), 'fresh');
  await refuses(t, source, [fresh, fresh], 'SAME_STORAGE');
});

test('what a target holds is named, damaged or not, and so is what nothing names', async (t) => {
  const source = await ext4Image(t);
  const holding = await ext4Image(t);
  await execa('tune2fs', ['-M', '/srv/photos', holding]);
  const { stdout: uuid } = await execa('blkid', ['-p', '-s', 'UUID', '-o', 'value', holding]);
  const [refusal] = await refuses(t, source, [holding], 'TARGET_HAS_DATA');
  const message = refusal?.message ?? '';
  for (const word of ['ext4', 'source', uuid, '16777216 bytes', '/srv/photos']) {
    t.true(message.includes(word), `${word} in: ${message}`);
  }
  await execa('truncate', ['-s', '8M', holding]);
  const device = await attachLoop(t, holding);
  const small = await ext4Image(t, 8);
  const [damaged] = await refuses(t, small, [device], 'TARGET_HAS_DATA');
  t.regex(damaged?.message ?? '', /ext4.*but it claims 16777216 bytes/);

  const noise = path.join(await scratchDirectory(t), 'noise');
  await writeFile(noise, randomFrom(9).bytes(8 * mebibyte));
  await refuses(t, small, [noise], 'TARGET_HAS_DATA');
  await refuses(t, small, [await attachLoop(t, noise)], 'TARGET_HAS_DATA');
});

test('a target that cannot be made or written is an error at once', async (t) => {
  const source = await ext4Image(t);
  const directory = await scratchDirectory(t);
  const readOnly = await attachLoop(t, await emptyImage(t), ['--read-only']);
  await t.throwsAsync(inspect(source, [directory]), { message: /is a directory/ });
  await t.throwsAsync(openVolume(readOnly, { write: true }), { message: /read-only/ });
});

test("a new target file is sparse, of the very size, and its owner's alone", async (t) => {
  const file = path.join(await scratchDirectory(t), 'new');
  await createTargetFile(file, 5 * mebibyte + 7);
  const found = await stat(file);
  t.is(found.size, 5 * mebibyte + 7);
  t.is(found.blocks, 0);
  t.is(found.mode & 0o777, 0o600);
  await t.throwsAsync(createTargetFile(file, 1), { instanceOf: FastsyncError });
  const absent = path.join(file, 'below');
  await t.throwsAsync(createTargetFile(absent, 1), { instanceOf: FastsyncError });
});

test('an old target file gets the very size, unless another took its place', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'old'), 3 * mebibyte);
  const identity = await identifyVolume(file);
  await resizeTargetFile(identity, mebibyte);
  t.is((await stat(file)).size, mebibyte);
  await resizeTargetFile(identity, 2 * mebibyte);
  t.is((await stat(file)).size, 2 * mebibyte);
  await rename(await sparseFile(path.join(directory, 'precious'), 9 * mebibyte), file);
  const error = await t.throwsAsync(resizeTargetFile(identity, mebibyte), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'VOLUME_CHANGED');
  t.is((await stat(file)).size, 9 * mebibyte);
});
