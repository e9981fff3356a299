/** What is refused of a source: mounts and writers, through every layer there is on this machine. */

import { link, rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import {
  attachLoop,
  attachPartitioned,
  mounted,
  scratchDirectory,
  sparseFile,
} from '../support/scratch.js';
import { background, emptyImage, ext4Image, mebibyte, refuses } from './support.js';

test('an idle source and a new target are not refused', async (t) => {
  const source = await ext4Image(t);
  await refuses(t, source, [path.join(await scratchDirectory(t), 'target')]);
  const device = await attachLoop(t, source);
  await refuses(t, device, [path.join(await scratchDirectory(t), 'target')]);
});

test('a source mounted read-write is refused, by device and by image', async (t) => {
  const source = await ext4Image(t);
  const target = await emptyImage(t);
  const device = await attachLoop(t, source);
  const { directory, unmount } = await mounted(t, device);
  const [refusal] = await refuses(t, device, [target], 'SOURCE_MOUNTED');
  t.is(refusal?.message, `the source ${device} is mounted read-write on ${directory}`);
  const [byImage] = await refuses(t, source, [target], 'SOURCE_MOUNTED');
  t.is(
    byImage?.message,
    `the source ${source} is mounted read-write through ${device} on ${directory}`,
  );
  await unmount();
  await refuses(t, device, [target]);
});

test('a source mounted read-only is not refused', async (t) => {
  const device = await attachLoop(t, await ext4Image(t));
  await mounted(t, device, ['-o', 'ro']);
  await refuses(t, device, [await emptyImage(t)]);
});

test('a read-only bind mount of a writable file system is refused', async (t) => {
  const device = await attachLoop(t, await ext4Image(t));
  const { directory, unmount } = await mounted(t, device);
  const bind = await mounted(t, directory, ['--bind']);
  await execa('mount', ['-o', 'remount,bind,ro', bind.directory]);
  await unmount();
  await refuses(t, device, [await emptyImage(t)], 'SOURCE_MOUNTED');
});

test('a mount in another mount namespace is seen', async (t) => {
  const device = await attachLoop(t, await ext4Image(t));
  const directory = await scratchDirectory(t);
  await background(
    t,
    `exec unshare --mount --propagation private bash -euc 'mount ${device} ${directory}; echo ready; read -r _ || true'`,
  );
  const [refusal] = await refuses(t, device, [await emptyImage(t)], 'SOURCE_MOUNTED');
  t.regex(refusal?.message ?? '', /in another mount namespace/);
});

test('of a disk with a mounted partition, the disk and that partition are refused', async (t) => {
  const disk = await emptyImage(t, 40);
  await execa('sfdisk', ['--quiet', disk], { input: 'label: gpt\nsize=16MiB\nsize=16MiB\n' });
  const device = await attachPartitioned(t, disk);
  await execa('mke2fs', ['-q', '-t', 'ext4', `${device}p1`]);
  await execa('mke2fs', ['-q', '-t', 'ext4', `${device}p2`]);
  await mounted(t, `${device}p1`);
  const target = await emptyImage(t);
  await refuses(t, `${device}p1`, [target], 'SOURCE_MOUNTED');
  await refuses(t, device, [target], 'SOURCE_MOUNTED');
  await refuses(t, disk, [target], 'SOURCE_MOUNTED');
  await refuses(t, `${device}p2`, [target]);
});

test('a mount is seen through loops on loops, and beside them', async (t) => {
  const image = await ext4Image(t);
  const bottom = await attachLoop(t, image);
  const top = await attachLoop(t, bottom);
  const other = await attachLoop(t, image);
  await mounted(t, top);
  const target = await emptyImage(t);
  for (const source of [image, bottom, top, other]) {
    await refuses(t, source, [target], 'SOURCE_MOUNTED');
  }
});

test('loops on separate halves of one file do not disturb each other', async (t) => {
  const image = await emptyImage(t, 32);
  const half = ['--sizelimit', String(16 * mebibyte)];
  const first = await attachLoop(t, image, half);
  const second = await attachLoop(t, image, [...half, '--offset', String(16 * mebibyte)]);
  await execa('mke2fs', ['-q', '-t', 'ext4', first]);
  await execa('mke2fs', ['-q', '-t', 'ext4', second]);
  await mounted(t, first);
  const target = await emptyImage(t);
  await refuses(t, first, [target], 'SOURCE_MOUNTED');
  await refuses(t, second, [target]);
});

test('an image is known by its inode where its name at attachment is gone', async (t) => {
  const image = await ext4Image(t);
  const device = await attachLoop(t, image);
  const other = path.join(path.dirname(image), 'other-name');
  await link(image, other);
  await rm(image);
  await mounted(t, device);
  await refuses(t, other, [await emptyImage(t)], 'SOURCE_MOUNTED');
});

test('every device of a mounted btrfs is refused', async (t) => {
  const directory = await scratchDirectory(t);
  const images = await Promise.all(
    ['one', 'two'].map((name) => sparseFile(path.join(directory, name), 128 * mebibyte)),
  );
  const [one = '', two = ''] = await Promise.all(images.map((image) => attachLoop(t, image)));
  await execa('mkfs.btrfs', ['--quiet', '-d', 'single', '-m', 'raid1', one, two]);
  await execa('btrfs', ['device', 'scan', one, two]);
  t.teardown(() => execa('btrfs', ['device', 'scan', '--forget', one, two], { reject: false }));
  await mounted(t, one, ['-o', `device=${one},device=${two}`]);
  const target = await emptyImage(t);
  await refuses(t, one, [target], 'SOURCE_MOUNTED');
  await refuses(t, two, [target], 'SOURCE_MOUNTED');
});

test('a source that is swap is refused', async (t) => {
  const image = await emptyImage(t, 4);
  await execa('mkswap', [image]);
  const device = await attachLoop(t, image);
  await execa('swapon', [device]);
  t.teardown(() => execa('swapoff', [device], { reject: false }));
  const [refusal] = await refuses(
    t,
    device,
    [path.join(await scratchDirectory(t), 'target')],
    'SOURCE_OPEN',
  );
  t.is(refusal?.message, `the source ${device} is in use as swap space`);
});

test('a process that has the source open for writing is named', async (t) => {
  const image = await ext4Image(t);
  const target = await emptyImage(t);
  const pid = await background(t, `exec 3<> ${image}`);
  const [refusal] = await refuses(t, image, [target], 'SOURCE_OPEN');
  t.is(refusal?.message, `the source ${image} is open for writing by bash (pid ${pid})`);
  const device = await attachLoop(t, image);
  await refuses(t, device, [target], 'SOURCE_OPEN');
});

test('a process that only reads the source is no hindrance', async (t) => {
  const image = await ext4Image(t);
  await background(t, `exec 3< ${image}`);
  await refuses(t, image, [await emptyImage(t)]);
});

test('a writer to the whole disk is a writer to its partition', async (t) => {
  const disk = await emptyImage(t, 24);
  await execa('sfdisk', ['--quiet', disk], { input: 'label: gpt\nsize=16MiB\n' });
  const device = await attachPartitioned(t, disk);
  await execa('mke2fs', ['-q', '-t', 'ext4', `${device}p1`]);
  await background(t, `exec 3<> ${device}`);
  const target = await emptyImage(t);
  await refuses(t, `${device}p1`, [target], 'SOURCE_OPEN');
});
