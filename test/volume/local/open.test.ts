/** Opening real files and loop devices, the refusals on the way, and the reader on top. */

import { link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { FastsyncError } from '../../../src/errors.js';
import { identifyVolume, openVolume, systemRoots } from '../../../src/volume/index.js';
import { randomFrom } from '../../support/random.js';
import {
  attachLoop,
  attachPartitioned,
  scratchDirectory,
  sparseFile,
} from '../../support/scratch.js';

const mebibyte = 1024 * 1024;

test('a file is read whole, in parts, and to its last odd byte', async (t) => {
  const file = path.join(await scratchDirectory(t), 'image');
  const bytes = randomFrom(1).bytes(100_003);
  await writeFile(file, bytes);
  const volume = await openVolume(file);
  t.teardown(() => volume.close());
  t.is(volume.identity.kind, 'file');
  t.is(volume.reader.sizeBytes, 100_003);
  t.deepEqual(Buffer.from(await volume.reader.read(0, 100_003)), bytes);
  t.deepEqual(Buffer.from(await volume.reader.read(99_999, 4)), bytes.subarray(99_999));
  t.is((await volume.reader.read(100_003, 0)).length, 0);
  await t.throwsAsync(volume.reader.read(99_999, 5), { instanceOf: RangeError });
  await t.throwsAsync(volume.reader.read(-1, 5), { instanceOf: RangeError });
});

test('what the reader gave belongs to the caller alone', async (t) => {
  const file = path.join(await scratchDirectory(t), 'image');
  await writeFile(file, randomFrom(2).bytes(4096));
  await using volume = await openVolume(file);
  const first = await volume.reader.read(0, 512);
  t.is(first.buffer.byteLength, 512);
  const kept = Buffer.from(first);
  await volume.reader.read(512, 512);
  t.deepEqual(Buffer.from(first), kept);
});

test('a file that shrinks while it is open is a typed error, not a hang or zeroes', async (t) => {
  const file = await sparseFile(path.join(await scratchDirectory(t), 'image'), mebibyte);
  await using volume = await openVolume(file);
  await truncate(file, 1000);
  const error = await t.throwsAsync(volume.reader.read(0, 2000), { instanceOf: FastsyncError });
  t.is(error.code, 'VOLUME_SHRANK');
  t.regex(error.message, /ends at byte 1000/);
});

test('an unreadable place names path, offset and errno', async (t) => {
  // The loop device is larger than what is left of its file: the kernel answers EIO there.
  const file = await sparseFile(path.join(await scratchDirectory(t), 'image'), mebibyte);
  const device = await attachLoop(t, file);
  await truncate(file, 4096);
  await using volume = await openVolume(device);
  const error = await t.throwsAsync(volume.reader.read(524_288, 4096), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'READ_ERROR');
  t.is(error.message, `${device} cannot be read at byte 524288 (4096 bytes): EIO`);
});

test('a block device is sized and described by the kernel', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'image'), 3 * mebibyte + 512);
  const device = await attachLoop(t, file, ['--sector-size', '512']);
  const identity = await identifyVolume(device);
  t.like(identity, {
    kind: 'block',
    sizeBytes: 3 * mebibyte + 512,
    logicalBlockBytes: 512,
    readOnly: false,
    backingFile: file,
    partitionOf: null,
  });
  const four = await attachLoop(t, await sparseFile(path.join(directory, 'four'), mebibyte), [
    '--sector-size',
    '4096',
  ]);
  t.is((await identifyVolume(four)).logicalBlockBytes, 4096);
});

test('a partition names its disk', async (t) => {
  const file = await sparseFile(path.join(await scratchDirectory(t), 'disk'), 8 * mebibyte);
  await execa('sfdisk', ['--quiet', file], { input: 'label: gpt\nsize=2MiB\nsize=2MiB\n' });
  const disk = await attachPartitioned(t, file);
  const partition = await identifyVolume(`${disk}p2`);
  t.is(partition.partitionOf, disk);
  t.is(partition.sizeBytes, 2 * mebibyte);
});

test('every path to one storage has the same node', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'image'), mebibyte);
  await symlink(file, path.join(directory, 'symbolic'));
  await link(file, path.join(directory, 'hard'));
  const { node } = await identifyVolume(file);
  t.is((await identifyVolume(path.join(directory, 'symbolic'))).node, node);
  t.is((await identifyVolume(path.join(directory, 'hard'))).node, node);

  const device = await attachLoop(t, file);
  const copy = path.join(directory, 'node');
  const { stdout } = await execa('stat', ['--format', '%Hr %Lr', device]);
  await execa('mknod', [copy, 'b', ...stdout.split(' ')]);
  t.is((await identifyVolume(copy)).node, (await identifyVolume(device)).node);
});

test('what is not a volume is refused in one sentence', async (t) => {
  const directory = await scratchDirectory(t);
  const fifo = path.join(directory, 'fifo');
  await execa('mkfifo', [fifo]);
  const cases = [
    [directory, 'NOT_A_VOLUME', /is a directory, not a volume/],
    [fifo, 'NOT_A_VOLUME', /is a FIFO/],
    ['/dev/null', 'NOT_A_VOLUME', /is a character device/],
    [path.join(directory, 'absent'), 'VOLUME_NOT_FOUND', /does not exist/],
    [path.join(fifo, 'below'), 'VOLUME_NOT_FOUND', /not a directory/],
  ] as const;
  for (const [name, code, message] of cases) {
    const error = await t.throwsAsync(openVolume(name), { instanceOf: FastsyncError, message });
    t.is(error.code, code);
    t.is(error.exitCode, 2);
  }
});

test('a device without size, and one that nobody knows, are told apart', async (t) => {
  const directory = await scratchDirectory(t);
  const node = path.join(directory, 'node');
  await execa('mknod', [node, 'b', '250', '77']);
  const sys = path.join(directory, 'sys');
  const unknown = await t.throwsAsync(identifyVolume(node, { ...systemRoots, sys }), {
    instanceOf: FastsyncError,
  });
  t.is(unknown.code, 'SIZE_UNKNOWN');
  const device = path.join(sys, 'dev/block/250:77');
  await mkdir(device, { recursive: true });
  await writeFile(path.join(device, 'dev'), '250:77\n');
  await writeFile(path.join(device, 'size'), '0\n');
  const empty = await t.throwsAsync(identifyVolume(node, { ...systemRoots, sys }), {
    instanceOf: FastsyncError,
  });
  t.is(empty.code, 'NO_DEVICE');
});

test('a user without the right gets PERMISSION_DENIED', async (t) => {
  const directory = await scratchDirectory(t);
  await execa('chmod', ['755', directory]);
  const file = path.join(directory, 'image');
  await writeFile(file, 'x', { mode: 0o600 });
  const script = `
    import { openVolume } from ${JSON.stringify(new URL('../../../src/volume/index.js', import.meta.url).href)};
    process.setgid(65534); process.setuid(65534);
    await openVolume(process.argv[1]).catch((error) => console.log(error.code));
  `;
  const { stdout } = await execa('node', ['--input-type=module', '-e', script, file]);
  t.is(stdout, 'PERMISSION_DENIED');
});

test('a read-only device cannot be opened for writing', async (t) => {
  const file = await sparseFile(path.join(await scratchDirectory(t), 'image'), mebibyte);
  const device = await attachLoop(t, file, ['--read-only']);
  const error = await t.throwsAsync(openVolume(device, { write: true }), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'READ_ONLY');
  await using reading = await openVolume(device);
  t.true(reading.identity.readOnly);
});

test('writing takes a block device exclusively, against mounts and other runs', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'image'), 4 * mebibyte);
  await execa('mkfs.ext4', ['-q', file]);
  const device = await attachLoop(t, file);
  const volume = await openVolume(device, { write: true });
  t.teardown(() => volume.close());
  const second = await t.throwsAsync(openVolume(device, { write: true }), {
    instanceOf: FastsyncError,
  });
  t.is(second.code, 'TARGET_IN_USE');
  t.is(second.exitCode, 4);
  const mountPoint = path.join(directory, 'mnt');
  await mkdir(mountPoint);
  const { failed } = await execa('mount', [device, mountPoint], { reject: false });
  t.true(failed);
  await using shared = await openVolume(device, { write: true, exclusive: false });
  t.is(shared.identity.node, volume.identity.node);
});

test('a path that leads elsewhere after the check is refused', async (t) => {
  const directory = await scratchDirectory(t);
  const checked = await identifyVolume(await sparseFile(path.join(directory, 'a'), mebibyte));
  const other = await sparseFile(path.join(directory, 'b'), mebibyte);
  await execa('mv', [other, checked.realPath]);
  const error = await t.throwsAsync(openVolume(checked.path, { expected: checked }), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'VOLUME_CHANGED');
});
