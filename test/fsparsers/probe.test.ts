/** The probe against blkid, on volumes that the real tools made. */

import { open, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ParseError } from '../../fsparsers/errors.js';
import { identify, probe, type Signature } from '../../fsparsers/probe.js';
import { openVolume } from '../../src/volume/index.js';
import { mdSuperblock1 } from '../support/md-superblock.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 * 1024;

async function probeFile(file: string): Promise<Signature[]> {
  await using volume = await openVolume(file);
  return await probe(volume.reader);
}

async function identifyFile(file: string): Promise<Signature> {
  await using volume = await openVolume(file);
  return await identify(volume.reader);
}

/** What blkid says: "TYPE", "UUID", "LABEL", "PTTYPE", ... */
async function blkid(file: string): Promise<Map<string, string>> {
  const { stdout } = await execa('blkid', ['--probe', '--output', 'export', file]);
  const lines = stdout.split('\n').map((line) => line.split('='));
  return new Map(
    lines.map(([key = '', value = '']) => [key, value.replaceAll(/\\(.)/g, '$1')] as const),
  );
}

/** Runs a script with `$F` as a new image of `sizeMib`, and `$L` as its loop device if `loop` is set. */
async function make(t: ExecutionContext, sizeMib: number, script: string): Promise<string> {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'image'), sizeMib * mebibyte);
  const loop = script.includes('$L') ? await attachLoop(t, file) : '';
  await execa('bash', ['-euc', script], {
    env: { F: file, L: loop, D: directory },
    stdin: 'ignore',
  });
  return file;
}

interface Case {
  readonly name: string;
  readonly sizeMib: number;
  readonly script: string;
  readonly family: string;
}

const cases: readonly Case[] = [
  ['ext2', 8, 'mke2fs -q -t ext2 -L a-label $F', 'ext'],
  ['ext3', 16, 'mke2fs -q -t ext3 $F', 'ext'],
  ['ext4', 16, 'mke2fs -q -t ext4 -L "with blank" $F', 'ext'],
  ['ext4 64bit without csum', 16, 'mke2fs -q -t ext4 -O ^metadata_csum,64bit $F', 'ext'],
  ['ext4 64k blocks', 64, 'mke2fs -q -F -t ext4 -b 65536 $F 2>/dev/null', 'ext'],
  ['external journal', 8, 'mke2fs -q -O journal_dev -b 1024 $F', 'ext'],
  ['xfs v5', 320, 'mkfs.xfs -q -L xfslabel $F', 'xfs'],
  ['xfs v4', 320, 'mkfs.xfs -q -m crc=0 -s size=4096 $F', 'xfs'],
  ['ntfs', 16, 'mkntfs -q -F -f -s 512 -p 0 -H 0 -S 0 $F 2>/dev/null', 'ntfs'],
  [
    'ntfs of 64 KiB clusters',
    32,
    'mkntfs -q -F -f -c 65536 -s 4096 -p 0 -H 0 -S 0 $F 2>/dev/null',
    'ntfs',
  ],
  ['btrfs', 128, 'mkfs.btrfs -q -L butter $F', 'btrfs'],
  ['btrfs with xxhash', 128, 'mkfs.btrfs -q --csum xxhash $F', 'btrfs'],
  ['FAT12', 1, 'mkfs.vfat -F 12 -n FATLABEL $F', 'vfat'],
  ['FAT16', 16, 'mkfs.vfat -F 16 $F', 'vfat'],
  ['FAT32', 64, 'mkfs.vfat -F 32 -n FAT32LABEL $F', 'vfat'],
  ['FAT32 of 4 KiB sectors', 300, 'mkfs.vfat -F 32 -S 4096 $F', 'vfat'],
  ['exfat', 16, 'mkfs.exfat $F', 'exfat'],
  ['f2fs', 64, 'mkfs.f2fs -q -l flash $F', 'f2fs'],
  ['jfs', 16, 'mkfs.jfs -q -L journaled $F', 'jfs'],
  ['reiserfs', 64, 'mkfs.reiserfs -q -f -f -l reiser $F', 'reiserfs'],
  ['nilfs2', 160, 'mkfs.nilfs2 -q -L nil $L', 'nilfs2'],
  ['minix', 4, 'mkfs.minix $F', 'minix'],
  ['minix 2', 4, 'mkfs.minix -2 $F', 'minix'],
  ['erofs', 1, 'mkdir $D/tree; date > $D/tree/a; mkfs.erofs --quiet $F $D/tree', 'erofs'],
  [
    'squashfs',
    1,
    'mkdir $D/tree; date > $D/tree/a; mksquashfs $D/tree $F -quiet -noappend',
    'squashfs',
  ],
  ['cramfs', 1, 'mkdir $D/tree; date > $D/tree/a; mkfs.cramfs $D/tree $F', 'cramfs'],
  ['udf', 16, 'mkudffs --blocksize=2048 $F', 'udf'],
  ['udf of 512 byte blocks', 16, 'mkudffs --blocksize=512 $F', 'udf'],
  ['swap', 4, 'mkswap -L swapped $F', 'swap'],
  ['swap of 64 KiB pages', 4, 'mkswap --pagesize 65536 $F', 'swap'],
  [
    'LUKS1',
    8,
    'cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $F <<< pass',
    'luks',
  ],
  [
    'LUKS2',
    32,
    'cryptsetup luksFormat -q --type luks2 --label sealed --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $F <<< pass',
    'luks',
  ],
  [
    'LVM2',
    16,
    `pvcreate -qq -y --config "devices{use_devicesfile=0 filter=[\\"a|^$L\\$|\\",\\"r|.*|\\"]}" $L 2>/dev/null`,
    'lvm',
  ],
  ['bcache', 16, 'make-bcache -B $L', 'bcache'],
  ['DRBD 9', 16, 'drbdmeta --force 0 v09 $L internal create-md 1', 'drbd'],
  ['DRBD 8', 16, 'drbdmeta --force 0 v08 $L internal create-md', 'drbd'],
].map(([name, sizeMib, script, family]) => ({ name, sizeMib, script, family }) as Case);

for (const { name, sizeMib, script, family } of cases) {
  test(`${name} is what blkid says`, async (t) => {
    const file = await make(t, sizeMib, script);
    const signatures = await probeFile(file);
    const expected = await blkid(file);
    t.is(signatures.length, 1, JSON.stringify(signatures));
    const [signature] = signatures;
    t.is(signature?.type, expected.get('TYPE'));
    t.is(signature?.family, family);
    t.is(signature?.doubt, null);
    t.is(signature?.uuid ?? expected.get('UUID'), expected.get('UUID'));
    t.is(signature?.label ?? expected.get('LABEL'), expected.get('LABEL'));
  });
}

test('an ISO image that is a disk as well is a CD', async (t) => {
  const file = await make(
    t,
    1,
    'mkdir $D/tree; date > $D/tree/a; xorriso -as mkisofs -quiet -V HYBRID --protective-msdos-label -o $F $D/tree 2>/dev/null',
  );
  const signature = await identifyFile(file);
  t.is(signature.type, 'iso9660');
  t.is(signature.label, (await blkid(file)).get('LABEL') ?? null);
});

test('partition tables are told from boot sectors, and the backup GPT serves', async (t) => {
  const dos = await make(t, 16, "sfdisk -q $F <<< $'label: dos\\n2048,4096,83\\n8192,,83'");
  t.like(await identifyFile(dos), { type: 'dos', uuid: (await blkid(dos)).get('PTUUID') });

  const gpt = await make(t, 16, "sfdisk -q $F <<< $'label: gpt\\nsize=4MiB'");
  const told = await blkid(gpt);
  t.like(await identifyFile(gpt), {
    type: told.get('PTTYPE'),
    uuid: told.get('PTUUID'),
    offsetBytes: 512,
  });

  const backup = await make(
    t,
    16,
    "sfdisk -q $F <<< $'label: gpt\\nsize=4MiB'; dd if=/dev/zero of=$F bs=512 seek=1 count=33 conv=notrunc status=none",
  );
  t.like(await identifyFile(backup), { type: 'gpt', offsetBytes: 16 * mebibyte - 512 });

  const four = await make(t, 16, 'true');
  const device = await attachLoop(t, four, ['--sector-size', '4096']);
  await execa('sfdisk', ['-q', device], { input: 'label: gpt\nsize=4MiB\n' });
  t.like(await identifyFile(device), { type: 'gpt', offsetBytes: 4096 });
});

for (const [format, sizeBytes, at] of [
  ['1.0', 16 * mebibyte + 4096 + 512, 16 * mebibyte + 4096 - 8192],
  ['1.1', 16 * mebibyte, 0],
  ['1.2', 16 * mebibyte, 4096],
] as const) {
  test(`MD ${format} is found in its place, and its checksum counts`, async (t) => {
    const file = await sparseFile(path.join(await scratchDirectory(t), 'image'), sizeBytes);
    const handle = await open(file, 'r+');
    t.teardown(() => handle.close());
    await handle.write(mdSuperblock1(at / 512), 0, 4096, at);
    const { stdout } = await execa('mdadm', ['--examine', file]);
    t.regex(stdout, new RegExp(`Version : ${format.slice(0, 1)}`));
    t.regex(stdout, /Checksum : \w+ - correct/);
    const told = await blkid(file);
    t.is(told.get('VERSION'), format);
    t.like(await identifyFile(file), {
      type: told.get('TYPE'),
      uuid: told.get('UUID'),
      offsetBytes: at,
      label: 'host:7',
    });
    await handle.write(Buffer.from([3]), 0, 1, at + 92);
    const [damaged] = await probeFile(file);
    t.is(damaged?.doubt, 'its checksum does not match');
  });
}

test('MD 0.90 at the end of the device, in either byte order', async (t) => {
  for (const little of [true, false]) {
    const bytes = Buffer.alloc(4096);
    const put = (value: number, at: number) =>
      little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
    const words: readonly (readonly [number, number])[] = [
      [0xa92b4efc, 0],
      [90, 8],
      [0x11223344, 20],
      [1, 28],
      [8192, 32],
      [2, 40],
      [0x55667788, 52],
      [0x99aabbcc, 56],
      [0xddeeff00, 60],
    ];
    for (const [value, at] of words) put(value, at);
    const sum = words.reduce((total, [value]) => total + BigInt(value), 0n);
    put(Number((sum & 0xffffffffn) + (sum >> 32n)), 152);
    const sizeBytes = 16 * mebibyte + 5 * 512;
    const file = await sparseFile(path.join(await scratchDirectory(t), 'image'), sizeBytes);
    const handle = await open(file, 'r+');
    await handle.write(bytes, 0, 4096, 16 * mebibyte - 65536);
    await handle.close();
    const told = await blkid(file);
    t.like(await identifyFile(file), { type: told.get('TYPE'), uuid: told.get('UUID') });
  }
});

test('two plausible signatures are an error that names both', async (t) => {
  const pairs = [
    // What a careless tool leaves behind: the superblock of the old file system survives.
    ['mke2fs -q -t ext4 $F; dd if=$F of=$D/old bs=1024 skip=1 count=1 status=none', 'ext4'],
    ['mkfs.btrfs -q $F', 'btrfs'],
  ] as const;
  const file = await make(
    t,
    128,
    `${pairs[0][0]}; mkfs.btrfs -q -f $F; dd if=$D/old of=$F bs=1024 seek=1 conv=notrunc status=none`,
  );
  const error = await t.throwsAsync(identifyFile(file), { instanceOf: ParseError });
  t.is(error.code, 'AMBIGUOUS');
  for (const [, type] of pairs) t.regex(error.message, new RegExp(type));

  const luks = await make(
    t,
    32,
    `mke2fs -q -t ext4 $F; dd if=$F of=$D/old bs=1024 skip=1 count=1 status=none
     cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $F <<< pass
     dd if=$D/old of=$F bs=1024 seek=1 conv=notrunc status=none`,
  );
  const both = await t.throwsAsync(identifyFile(luks), { instanceOf: ParseError });
  t.regex(both.message, /ext4.*crypto_LUKS|crypto_LUKS.*ext4/);
});

test('nothing known is an error that names what was nearly there', async (t) => {
  const empty = await make(t, 1, 'true');
  const none = await t.throwsAsync(identifyFile(empty), { instanceOf: ParseError });
  t.is(none.code, 'NOT_RECOGNISED');

  const cut = await make(t, 16, 'mke2fs -q -t ext4 $F; truncate -s 8M $F');
  const short = await t.throwsAsync(identifyFile(cut), { instanceOf: ParseError });
  t.is(short.code, 'NOT_RECOGNISED');
  t.regex(short.message, /ext4.*it claims 16777216 bytes, the device has 8388608/);

  const flipped = await make(
    t,
    16,
    'mke2fs -q -t ext4 $F; printf x | dd of=$F bs=1 seek=1300 conv=notrunc status=none',
  );
  const damaged = await t.throwsAsync(identifyFile(flipped), { instanceOf: ParseError });
  t.regex(damaged.message, /its checksum does not match/);
});

test('a volume too small for any structure is not recognised, and nothing breaks', async (t) => {
  const file = await make(t, 1, 'mke2fs -q -t ext2 -b 1024 $F');
  for (const sizeBytes of [100_000, 65_536, 4096, 1500, 1024, 512, 511, 1]) {
    await truncate(file, sizeBytes);
    const error = await t.throwsAsync(identifyFile(file), { instanceOf: ParseError });
    t.is(error.code, 'NOT_RECOGNISED');
  }
  await truncate(file, 0);
  t.deepEqual(await probeFile(file), []);
  t.is((await readFile(file)).length, 0);
});
