/** `fastsync init` of every kind of volume onto garbage: fsck is clean and the trees are the same. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { makeCrashImage } from '../support/crash-image.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import {
  extKind,
  type Kind,
  makePair,
  mebibyte,
  mountedKind,
  ntfsKind,
  proveSame,
  xfsKind,
} from '../support/seeding.js';
import { populateTree, treeDifferences } from '../support/tree.js';

/** mkfs.xfs refuses less than 300 MiB; the others are quicker small. */
const kinds: Readonly<Record<string, readonly [Kind, mebibytes: number]>> = {
  ext4: [extKind('mkfs.ext4'), 96],
  'ext4 with 1 KiB blocks': [extKind('mkfs.ext4', '-b', '1024'), 96],
  'ext4 with bigalloc': [extKind('mkfs.ext4', '-O', 'bigalloc', '-C', '65536'), 96],
  'ext4 with meta_bg': [extKind('mkfs.ext4', '-O', 'meta_bg,^resize_inode', '-g', '4096'), 96],
  ext3: [extKind('mkfs.ext3'), 96],
  ext2: [extKind('mkfs.ext2'), 96],
  xfs: [xfsKind(), 320],
  'xfs with 1 KiB blocks and 4 groups': [xfsKind('-b', 'size=1024', '-d', 'agcount=4'), 320],
  'xfs without reflink, with rmapbt': [xfsKind('-m', 'reflink=0,rmapbt=1'), 320],
  ntfs: [ntfsKind(), 96],
  'ntfs with 64 KiB clusters': [ntfsKind('-c', '65536'), 96],
  'ntfs with 512 byte clusters': [ntfsKind('-c', '512'), 96],
};

for (const [name, [kind, mebibytes]] of Object.entries(kinds)) {
  test.serial(`${name}: a target full of garbage becomes the same file system`, async (t) => {
    const volumeBytes = mebibytes * mebibyte;
    const { source, target, state } = await makePair(t, kind, volumeBytes);
    const words = ['init', '--src', source, '--dst', target, '--yes', '--verify', ...state];
    const { exitCode, summary, stderr } = await fastsyncJson(words);
    t.is(exitCode, 0, stderr);
    t.is(summary.outcome, 'done');
    t.true(Number(summary.copiedBytes) < (volumeBytes * 2) / 3, 'free space is not copied');
    t.is(summary.verifiedBytes, summary.copiedBytes);
    await proveSame(t, kind, source, target);
  });
}

const crashed: Readonly<Record<string, readonly [Kind, mebibytes: number]>> = {
  ext4: [extKind('mkfs.ext4'), 96],
  ext3: [extKind('mkfs.ext3'), 96],
  xfs: [xfsKind(), 320],
};

for (const [name, [kind, mebibytes]] of Object.entries(crashed)) {
  test.serial(`a crashed ${name}: the file that was fsynced last comes back whole`, async (t) => {
    const bytes = mebibytes * mebibyte;
    let digest = '';
    const { path: image } = await makeCrashImage(t, {
      mkfs: kind.mkfs,
      sizeBytes: bytes,
      load: async (directory) => {
        await populateTree(directory, 5, 8);
        await execa('sync', ['-f', directory]);
        const file = path.join(directory, 'precious');
        await execa('dd', ['if=/dev/urandom', `of=${file}`, 'bs=64K', 'count=64', 'conv=fsync']);
        digest = (await execa('sha256sum', [file])).stdout.split(' ')[0] ?? '';
        return undefined;
      },
    });
    const directory = await scratchDirectory(t);
    const target = await sparseFile(path.join(directory, 'target.img'), bytes);
    await fillWithGarbage(target, bytes);
    const state = path.join(directory, 'state');
    const words = ['init', '--src', image, '--dst', target, '--yes', '--state-dir', state];
    const { exitCode, summary, stderr } = await fastsyncJson(words);
    t.is(exitCode, 0, stderr);
    t.true(Number(summary.copiedBytes) < (bytes * 2) / 3, 'free space is not copied');
    // The first mount replays the log, on both sides; then everything must be the same.
    for (const each of [image, target]) await (await mountedKind(t, kind, each)).unmount();
    await proveSame(t, kind, image, target);
    const copy = await mountedKind(t, kind, target, ['-o', 'ro']);
    const { stdout } = await execa('sha256sum', [path.join(copy.directory, 'precious')]);
    t.is(stdout.split(' ')[0], digest);
    await copy.unmount();
  });
}

test.serial(
  'a whole disk: table, partitions of three kinds, and nothing but what is used',
  async (t) => {
    const directory = await scratchDirectory(t);
    const bytes = 640 * mebibyte;
    const source = await sparseFile(path.join(directory, 'disk.img'), bytes);
    const target = await sparseFile(path.join(directory, 'copy.img'), bytes);
    await fillWithGarbage(target, bytes);
    const layout = 'label: gpt\nstart=2048, size=96M\nsize=320M\nsize=96M\nsize=64M, type=swap\n';
    await execa('sfdisk', ['--quiet', source], { input: layout });
    const { stdout } = await execa('sfdisk', ['--json', source]);
    const table = JSON.parse(stdout) as {
      partitiontable: { partitions: { start: number; size: number }[] };
    };
    const parts = table.partitiontable.partitions;
    const partitionKinds = [
      extKind('mkfs.ext4'),
      xfsKind(),
      ntfsKind('-s', '512', '-p', '0', '-H', '16', '-S', '63'),
    ];
    const place = (index: number) => {
      const { start, size } = parts[index] ?? { start: 0, size: 0 };
      return `offset=${start * 512},sizelimit=${size * 512}`;
    };
    for (const [index, kind] of partitionKinds.entries()) {
      const { stdout: loop } = await execa('losetup', [
        '-f',
        '--show',
        ...loopOptions(parts[index]),
        source,
      ]);
      const [mkfs, ...options] = kind.mkfs;
      await execa(mkfs, [...options, loop]).finally(() => execa('losetup', ['-d', loop]));
      const filled = await mounted(t, source, [
        '-o',
        `loop,${place(index)}`,
        ...(kind.mount ?? []),
      ]);
      await populateTree(filled.directory, index, 8);
      await filled.unmount();
    }

    const words = [
      'init',
      '--src',
      source,
      '--dst',
      target,
      '--yes',
      '--state-dir',
      path.join(directory, 'state'),
    ];
    const { exitCode, summary, stderr } = await fastsyncJson(words);
    t.is(exitCode, 0, stderr);
    t.true(Number(summary.copiedBytes) < bytes / 2, 'free space is not copied');
    const tableOf = async (disk: string) =>
      (await execa('sfdisk', ['--dump', disk])).stdout.replaceAll(disk, 'disk');
    t.is(await tableOf(target), await tableOf(source));
    t.is((await execa('sfdisk', ['--verify', target])).exitCode, 0);
    for (const [index, kind] of partitionKinds.entries()) {
      const mountOptions = (disk: string) =>
        mounted(t, disk, ['-o', `ro,loop,${place(index)}`, ...(kind.mount ?? [])]);
      const left = await mountOptions(source);
      const right = await mountOptions(target);
      t.deepEqual(await treeDifferences(left.directory, right.directory), []);
      await left.unmount();
      await right.unmount();
    }
  },
);

function loopOptions(part: { start: number; size: number } | undefined): string[] {
  if (part === undefined) throw new Error('Expected a partition');
  return ['--offset', String(part.start * 512), '--sizelimit', String(part.size * 512)];
}

test.serial('a dirty NTFS volume is refused, and --dirty copy-all copies every byte', async (t) => {
  const kind = ntfsKind();
  const { source, target, state } = await makePair(t, kind, 32 * mebibyte + 16 * mebibyte);
  await setDirtyFlag(source);
  const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
  const refused = await fastsyncJson(words);
  t.is(refused.exitCode, 4);
  t.regex(refused.stderr, /NTFS_DIRTY/);
  t.is((await fastsyncJson([...words, '--allow-ntfs-dirty'])).exitCode, 0);
  const whole = await fastsyncJson([...words, '--dirty', 'copy-all']);
  t.is(whole.exitCode, 0, whole.stderr);
  await t.notThrowsAsync(execa('cmp', [source, target]));
});

/** Sets bit 0 of the volume flags in $VOLUME_INFORMATION (type 0x70) of MFT record 3. */
async function setDirtyFlag(image: string): Promise<void> {
  const file = await open(image, 'r+');
  try {
    const boot = Buffer.alloc(512);
    await file.read(boot, 0, 512, 0);
    const clusterBytes = boot.readUInt16LE(0x0b) * boot.readUInt8(0x0d);
    const recordAt = Number(boot.readBigUInt64LE(0x30)) * clusterBytes + 3 * 1024;
    const record = Buffer.alloc(1024);
    await file.read(record, 0, 1024, recordAt);
    let at = record.readUInt16LE(0x14);
    while (record.readUInt32LE(at) !== 0x70) at += record.readUInt32LE(at + 4);
    const flagsAt = at + record.readUInt16LE(at + 0x14) + 0x0a;
    await file.write(Uint8Array.of(record.readUInt8(flagsAt) | 1), 0, 1, recordAt + flagsAt);
  } finally {
    await file.close();
  }
}
