/** Signatures that are content of files: what a user stores does not decide what the volume is. */

import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { mapVolume, ParseError } from '../../fsparsers/index.js';
import { probe } from '../../fsparsers/probe.js';
import { openVolume } from '../../src/volume/index.js';
import { fastsyncJson } from '../support/fastsync.js';
import { mdSuperblock1 } from '../support/md-superblock.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1 << 20;
/** What the files consist of: no structure of a file system does. */
const filling = 0x55;

interface Foreign {
  readonly type: string;
  readonly at: number;
  readonly bytes: Buffer;
}

async function piece(
  t: ExecutionContext,
  sizeMib: number,
  words: readonly string[],
  at: number,
  length: number,
): Promise<Buffer> {
  const image = await sparseFile(
    path.join(await scratchDirectory(t), 'foreign'),
    sizeMib * mebibyte,
  );
  const [command = '', ...args] = words;
  await execa(command, [...args, image], { input: 'pass\n' });
  return readAt(image, at, length);
}

async function readAt(file: string, at: number, length: number): Promise<Buffer> {
  await using handle = await open(file);
  const bytes = Buffer.alloc(length);
  await handle.read(bytes, 0, length, at);
  return bytes;
}

async function writeAt(file: string, at: number, bytes: Buffer): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.write(bytes, 0, bytes.length, at);
}

/** OpenZFS's label, as far as blkid looks at it: name-value pairs, and a ring of uberblocks. */
function zfsLabel(): Buffer {
  const label = Buffer.alloc(262_144);
  label.set([1, 1, 0, 0], 16_384);
  for (let at = 131_072; at < 139_264; at += 1024) label.writeBigUInt64LE(0x00bab10cn, at);
  return label;
}

/** Signatures as the real tools write them, each for its own place on a volume of that size. */
async function foreigners(t: ExecutionContext, sizeBytes: number): Promise<Foreign[]> {
  const luks = ['cryptsetup', 'luksFormat', '-q', '--type', 'luks2'];
  const quick = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
  const mdAt = sizeBytes - 8192;
  const from = async (type: string, at: number, length: number, ...words: string[]) => ({
    type,
    at,
    bytes: await piece(t, 128, words, at, length),
  });
  // Of a file system larger than the volume the superblock would not be plausible.
  const jfs = await piece(t, 16, ['mkfs.jfs', '-q'], 32_768, 4096);
  return [
    await from('crypto_LUKS', 16_384, 4096, ...luks, ...quick),
    { type: 'jfs', at: 32_768, bytes: jfs },
    await from('btrfs', 65_536, 4096, 'mkfs.btrfs', '-q'),
    { type: 'zfs_member', at: 262_144, bytes: zfsLabel() },
    { type: 'linux_raid_member', at: mdAt, bytes: mdSuperblock1(mdAt / 512) },
  ];
}

interface Volume {
  readonly image: string;
  readonly type: string;
}

const kinds = [
  {
    type: 'xfs',
    sizeMib: 300,
    // Without what would keep blocks for its own trees, to the end.
    mkfs: ['mkfs.xfs', '-q', '-m', 'rmapbt=0,reflink=0,finobt=0', '-b', 'size=1024'],
    mount: ['-t', 'xfs'],
  },
  {
    type: 'ext4',
    sizeMib: 160,
    mkfs: ['mke2fs', '-q', '-t', 'ext4', '-b', '1024', '-O', '^resize_inode,^flex_bg', '-N', '64'],
    mount: ['-t', 'ext4'],
  },
  {
    type: 'ntfs',
    sizeMib: 160,
    mkfs: ['mkntfs', '-q', '-F', '-f', '-s', '512', '-p', '0', '-H', '0', '-S', '0'],
    mount: ['-t', 'ntfs-3g'],
  },
] as const;

/** A file system that one file fills to the last block. */
async function full(t: ExecutionContext, kind: (typeof kinds)[number]): Promise<Volume> {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'image'), kind.sizeMib * mebibyte);
  const [command, ...options] = kind.mkfs;
  await execa(command, [...options, image]);
  const volume = await mounted(t, image, kind.mount);
  if (kind.type === 'xfs') await execa('xfs_io', ['-x', '-c', 'resblks 0', volume.directory]);
  const fill = `tr '\\0' U < /dev/zero | dd of="$0" bs=1M iflag=fullblock conv=fsync`;
  await execa('sh', ['-c', fill, path.join(volume.directory, 'full')], { reject: false });
  await volume.unmount();
  return { image, type: kind.type };
}

/** Puts into the file what fits there: only where nothing but its content lies. */
async function store(image: string, all: readonly Foreign[]): Promise<Foreign[]> {
  const stored: Foreign[] = [];
  for (const one of all) {
    const there = await readAt(image, one.at, one.bytes.length);
    if (!there.every((byte) => byte === filling)) continue;
    await writeAt(image, one.at, one.bytes);
    stored.push(one);
  }
  return stored;
}

async function map(image: string) {
  await using volume = await openVolume(image);
  return await mapVolume(volume.reader);
}

async function plausibleTypes(image: string): Promise<string[]> {
  await using volume = await openVolume(image);
  const signatures = await probe(volume.reader);
  return signatures.filter(({ doubt }) => doubt === null).map(({ type }) => type);
}

for (const kind of kinds) {
  test(`${kind.type}: what its files hold is no signature of the volume`, async (t) => {
    const { image } = await full(t, kind);
    const stored = await store(image, await foreigners(t, kind.sizeMib * mebibyte));
    const types = stored.map(({ type }) => type);
    t.log(`stored: ${types.join(', ')}`);
    t.true(types.length >= 2);
    // XFS keeps its last blocks to itself.
    t.true(types.includes(kind.type === 'xfs' ? 'crypto_LUKS' : 'linux_raid_member'));
    t.deepEqual((await plausibleTypes(image)).toSorted(), [kind.type, ...types].toSorted());

    const found = await map(image);
    t.is(found.filesystem.type, kind.type);
    const notes = found.notes.filter(({ code }) => code === 'SIGNATURE_IN_FILE');
    for (const type of types)
      t.true(
        notes.some(({ message }) => message.startsWith(type)),
        type,
      );

    // The file is gone: what is left of it may just as well be what the volume became since.
    const volume = await mounted(t, image, kind.mount);
    await rm(path.join(volume.directory, 'full'));
    await volume.unmount();
    const error = await t.throwsAsync(map(image), { instanceOf: ParseError, code: 'AMBIGUOUS' });
    for (const type of [kind.type, ...types]) t.true(error.message.includes(type), type);
  });
}

test('a file system that fails a check does not say what is content of its files', async (t) => {
  const kind = kinds[1];
  const { image } = await full(t, kind);
  const stored = await store(image, await foreigners(t, kind.sizeMib * mebibyte));
  t.true(stored.length > 0);
  // The checksum of a bitmap that says which blocks are the files'.
  const { stdout } = await execa('dumpe2fs', [image], { stderr: 'ignore' });
  const bitmap = Number(/Block bitmap at (\d+)/.exec(stdout)?.[1]);
  await writeAt(image, bitmap * 1024 + 500, Buffer.from([0x7f]));
  await t.throwsAsync(map(image), { instanceOf: ParseError, code: 'AMBIGUOUS' });
});

test('a descriptor of an ISO image counts only where its directory is too', async (t) => {
  const kind = kinds[1];
  const { image } = await full(t, kind);
  const directory = await scratchDirectory(t);
  const iso = path.join(directory, 'iso');
  await execa('xorriso', ['-as', 'mkisofs', '-quiet', '-V', 'STORED', '-o', iso, directory], {
    stderr: 'ignore',
  });
  const bytes = await readAt(iso, 32_768, 2048);
  t.is((await store(image, [{ type: 'iso9660', at: 32_768, bytes }])).length, 1);
  t.regex((await execa('wipefs', [image])).stdout, /iso9660 .*STORED/);
  t.is((await map(image)).filesystem.type, kind.type);

  const target = path.join(directory, 'target');
  const words = ['--src', image, '--dst', target, '--state-dir', path.join(directory, 'state')];
  const { exitCode, lines } = await fastsyncJson(['init', ...words]);
  t.is(exitCode, 0, JSON.stringify(lines));
  await execa('e2fsck', ['-fn', target]);
});
