/** GPTs that the kernel ignores: without a protective MBR, with a wrong one, in other sectors. */

import { open } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { mapVolume, type MapOptions } from '../../../fsparsers/index.js';
import { probe } from '../../../fsparsers/probe.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { attachLoop } from '../../support/scratch.js';
import { emptyDisk, mebibyte, partition, rowsBySfdisk, withReader } from './support.js';

const sizeBytes = 64 * mebibyte;
const script = 'label: gpt\nsize=8M\nsize=16M, name="data"\n';
const protectiveEntryAt = 0x1be;

async function write(image: string, at: number, bytes: Uint8Array): Promise<void> {
  await using handle = await open(image, 'r+');
  await handle.write(bytes, 0, bytes.length, at);
}

function map(image: string, options?: MapOptions): Promise<UsedMap> {
  return withReader(image, (reader) => mapVolume(reader, options));
}

async function disk(t: ExecutionContext, sectorBytes = 512): Promise<string> {
  const image = await emptyDisk(t, sizeBytes);
  await partition(t, image, script, sectorBytes);
  return image;
}

/** Partitions as blkid makes them out, by the kernel's own rules. */
async function blkidSees(device: string): Promise<string> {
  const { stdout } = await execa('blkid', ['-p', '-o', 'value', '-s', 'PTTYPE', device], {
    reject: false,
  });
  return stdout;
}

async function typesOf(image: string): Promise<(readonly [string, boolean])[]> {
  const signatures = await withReader(image, probe);
  return signatures.map(({ type, doubt }) => [type, doubt === null] as const);
}

for (const { what, spoil, repair } of [
  {
    what: 'the protective MBR is gone',
    spoil: (image: string) => write(image, 0, Buffer.alloc(512)),
    repair: ['sgdisk', '--move-second-header'],
  },
  {
    what: 'the protective MBR has lost its magic number',
    spoil: (image: string) => write(image, 510, Buffer.alloc(2)),
    repair: ['sgdisk', '--move-second-header'],
  },
  {
    what: 'only the backup is left',
    spoil: (image: string) => write(image, 0, Buffer.alloc(34 * 512)),
    repair: null,
  },
]) {
  test(`a GPT counts only if it is asked for where ${what}`, async (t) => {
    const image = await disk(t);
    const before = await map(image);
    const rows = await rowsBySfdisk(t, image);
    await spoil(image);
    t.is(await blkidSees(image), '');

    t.deepEqual(await typesOf(image), [['gpt', false]]);
    await t.throwsAsync(map(image), {
      code: 'NOT_RECOGNISED',
      message: /gpt.*its protective MBR is missing or wrong.*sgdisk.*--as disk/,
    });
    const asked = await map(image, { as: 'disk' });
    t.is(asked.notes[0]?.code, 'GPT_UNPROTECTED');
    t.deepEqual(
      asked.partitions?.map(({ uuid }) => uuid),
      rows.map(({ uuid }) => uuid),
    );

    if (repair === null) return;
    // What the message advises is right.
    const [command = '', ...options] = repair;
    await execa(command, [...options, image]);
    t.is(await blkidSees(image), 'gpt');
    t.deepEqual((await map(image)).ranges.totals(), before.ranges.totals());
  });
}

test('an entry that protects from another sector than the second does not count', async (t) => {
  const image = await disk(t);
  await write(image, protectiveEntryAt + 8, Buffer.from([2, 0, 0, 0]));
  await t.throwsAsync(map(image), { code: 'NOT_RECOGNISED', message: /protective MBR/ });
  t.is((await map(image, { as: 'disk' })).partitions?.length, 2);
});

test('the kernel looks at the protective entry, not at the others', async (t) => {
  const image = await disk(t);
  await execa('sgdisk', ['--hybrid=2', image]);
  t.is((await map(image)).filesystem.type, 'gpt');
  // No status that an MBR of its own could have.
  const status = protectiveEntryAt + 16;
  await write(image, status, Buffer.from([0x55]));
  t.is(await blkidSees(image), 'gpt');
  t.is((await map(image)).filesystem.type, 'gpt');
});

for (const [own, other] of [
  [512, 4096],
  [4096, 512],
] as const) {
  test(`a GPT in sectors of ${own} bytes on a disk of ${other}`, async (t) => {
    const image = await disk(t, own);
    t.is((await map(image, { sectorBytes: own })).filesystem.type, 'gpt');
    const device = await attachLoop(t, image, ['--sector-size', String(other)]);
    t.not(await blkidSees(device), 'gpt');
    await t.throwsAsync(map(image, { sectorBytes: other }), {
      code: 'NOT_RECOGNISED',
      message: new RegExp(`in sectors of ${own} bytes, the device in ${other}`),
    });
    const asked = await map(image, { sectorBytes: other, as: 'disk' });
    t.is(asked.notes[0]?.code, 'GPT_SECTOR_SIZE');
    t.is(asked.partitions?.length, 2);
  });
}

test('a backup that nothing protects is no rival of a file system', async (t) => {
  const image = await disk(t);
  const backup = await withReader(image, (reader) => reader.read(sizeBytes - 33 * 512, 33 * 512));
  await write(image, 0, Buffer.alloc(mebibyte));
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', 'nodiscard', image]);
  // Not every mkfs clears the end.
  await write(image, sizeBytes - 33 * 512, backup);
  t.is(await blkidSees(image), '');
  t.deepEqual(await typesOf(image), [
    ['ext4', true],
    ['gpt', false],
  ]);
  t.is((await map(image)).filesystem.type, 'ext4');
});
