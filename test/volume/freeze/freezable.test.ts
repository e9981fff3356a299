/** Which mounted file system a volume is, by whatever way it is named or mounted; and what cannot be frozen. */

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { FastsyncError } from '../../../src/errors.js';
import { findFreezable, freeze, identifyVolume } from '../../../src/volume/index.js';
import {
  attachLoop,
  attachPartitioned,
  mounted,
  scratchDirectory,
  sparseFile,
} from '../../support/scratch.js';
import { assertBlocks, mountedKind, unfreeze } from './freezing.js';
import { background, emptyImage, ext4Image, mebibyte } from '../support.js';

/** Freezes what `name` names, and shows that a writer in `directory` waits until the thaw. */
async function freezes(t: ExecutionContext, name: string, directory: string): Promise<void> {
  t.teardown(() => unfreeze(directory));
  const volume = await identifyVolume(name);
  const frozen = await freeze({ volume, maxFreezeMs: 60_000, mustNotFreeze: [] });
  const goesOn = await assertBlocks(t, directory);
  await frozen.thaw();
  await goesOn();
}

async function refused(t: ExecutionContext, name: string, code: string): Promise<string> {
  const volume = await identifyVolume(name);
  const error = await t.throwsAsync(findFreezable(volume), { instanceOf: FastsyncError });
  t.is(error.code, code, error.message);
  const same = await t.throwsAsync(freeze({ volume, mustNotFreeze: [] }), {
    instanceOf: FastsyncError,
  });
  t.is(same.message, error.message);
  return error.message;
}

test('a volume is frozen by the name of its device or of the image below', async (t) => {
  const { image, device, directory } = await mountedKind(t, 'ext4');
  await freezes(t, image, directory);
  await freezes(t, device, directory);
  const link = path.join(await scratchDirectory(t), 'link');
  await symlink(device, link);
  await freezes(t, link, directory);
});

test('a partition is frozen, and the disk if no other of it is mounted', async (t) => {
  const disk = await emptyImage(t, 64);
  const input = 'label: gpt\nsize=24MiB\nsize=24MiB\n';
  await execa('sfdisk', ['--quiet', disk], { input });
  const device = await attachPartitioned(t, disk);
  for (const number of [1, 2]) await execa('mkfs.ext4', ['-q', `${device}p${number}`]);
  const first = await mounted(t, `${device}p1`);
  await freezes(t, `${device}p1`, first.directory);
  await freezes(t, device, first.directory);
  await refused(t, `${device}p2`, 'NOT_MOUNTED');
  const second = await mounted(t, `${device}p2`);
  await freezes(t, `${device}p2`, second.directory);
  const message = await refused(t, disk, 'FREEZE_UNSUPPORTED');
  for (const { directory } of [first, second]) t.true(message.includes(directory), message);
});

test('a mounted image that lies in the file system does not stand in the way', async (t) => {
  const { device, directory } = await mountedKind(t, 'xfs');
  const image = await sparseFile(path.join(directory, 'image'), 16 * mebibyte);
  await execa('mkfs.ext4', ['-q', image]);
  const inner = await mounted(t, image, ['-o', 'loop']);
  await freezes(t, image, inner.directory);
  await freezes(t, device, directory);
});

test('several mounts of one file system are one; one that is hidden is passed over', async (t) => {
  const { device, directory } = await mountedKind(t, 'btrfs');
  await execa('btrfs', ['subvolume', 'create', path.join(directory, 'sub')]);
  const subvolume = await scratchDirectory(t);
  await execa('mount', ['-o', 'subvol=sub', device, subvolume]);
  t.teardown(() => execa('umount', [subvolume]));
  await mounted(t, directory, ['--bind', '-o', 'ro']);
  const found = await findFreezable(await identifyVolume(device));
  t.is(found.mounts.filter(({ own }) => own).length, 3);
  t.deepEqual([found.fsType, found.readOnly], ['btrfs', false]);
  const cover = await sparseFile(path.join(await scratchDirectory(t), 'cover'), 16 * mebibyte);
  await execa('mkfs.ext4', ['-q', cover]);
  // On top of the first mount: its directory leads to another file system now.
  await execa('mount', ['-o', 'loop', cover, directory]);
  t.teardown(() => execa('umount', [directory], { reject: false }));
  await freezes(t, device, subvolume);
});

test('a file system that only another mount namespace has mounted is frozen', async (t) => {
  const device = await attachLoop(t, await ext4Image(t));
  const directory = await scratchDirectory(t);
  // Of the two that say so, the inner one is ready first, and ends first.
  await background(
    t,
    `unshare --mount bash -euc 'mount ${device} ${directory}; echo ready; read -r _' || true; exit`,
  );
  const found = await findFreezable(await identifyVolume(device));
  const [mount] = found.mounts;
  t.deepEqual([mount?.own, mount?.directory], [false, directory]);
  await freezes(t, device, `${mount?.namespaceRoot ?? ''}${directory}`);
});

test('what is not mounted is nothing to freeze', async (t) => {
  const image = await ext4Image(t);
  await refused(t, image, 'NOT_MOUNTED');
  await refused(t, await attachLoop(t, image), 'NOT_MOUNTED');
});

test('FUSE file systems are refused with the reason', async (t) => {
  const image = await emptyImage(t);
  await execa('mkfs.ntfs', ['-Q', '-F', image]);
  const device = await attachLoop(t, image);
  await mounted(t, device, ['-t', 'ntfs-3g']);
  t.regex(await refused(t, device, 'FREEZE_UNSUPPORTED'), /FUSE/);
});

test('a btrfs on two devices is refused by the name of either', async (t) => {
  const devices: string[] = [];
  for (let count = 0; count < 2; count++)
    devices.push(await attachLoop(t, await emptyImage(t, 128)));
  await execa('mkfs.btrfs', ['-q', '-f', ...devices]);
  const [first = '', second = ''] = devices;
  await mounted(t, first, ['-o', `device=${second}`]);
  for (const device of devices) {
    t.regex(await refused(t, device, 'FREEZE_UNSUPPORTED'), /spans 2 devices/);
  }
});

test('a file system that has no freeze is refused by name', async (t) => {
  const device = await attachLoop(t, await emptyImage(t));
  const volume = await identifyVolume(device);
  const number = volume.node.replace('block:', '');
  // Not every kernel has vfat: here it is mounted in mountinfo alone.
  const proc = path.join(await scratchDirectory(t), 'proc');
  await mkdir(path.join(proc, 'self/ns'), { recursive: true });
  await symlink('mnt:[1]', path.join(proc, 'self/ns/mnt'));
  const line = `30 1 ${number} / /boot/efi rw - vfat ${device} rw\n`;
  await writeFile(path.join(proc, 'self/mountinfo'), line);
  const error = await t.throwsAsync(findFreezable(volume, { sys: '/sys', proc, dev: '/dev' }), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'FREEZE_UNSUPPORTED');
  t.regex(error.message, /vfat, mounted on \/boot\/efi, cannot be frozen/);
});
