/** Partition tables made by sfdisk and sgdisk, read here and by sfdisk. */

import { open } from 'node:fs/promises';
import test from 'ava';
import { execa } from 'execa';
import { readPartitionTables } from '../../../fsparsers/disk/index.js';
import {
  emptyDisk,
  gptHeader,
  mebibyte,
  partition,
  rewriteGpt,
  rowsBySfdisk,
  rowsOf,
  withReader,
} from './support.js';

const gptScript = `label: gpt
size=8M, type=U, name="EFI system"
size=4M, type=L, name="größer als nötig"
start=40M, size=1M
start=20M, size=5M, type=S
`;

const logicals = Array.from({ length: 12 }, (_, index) => `size=${index + 1}M, type=83\n`).join('');
const mbrScript = `label: dos
size=4M, type=7
size=100M, type=f
size=5M, type=83, bootable
size=6M, type=82
${logicals}`;

for (const sectorBytes of [512, 4096]) {
  for (const [label, script] of [
    ['GPT', gptScript],
    ['MBR with logical partitions', mbrScript],
  ] as const) {
    test(`${label}, sectors of ${sectorBytes} bytes`, async (t) => {
      const image = await emptyDisk(t, 192 * mebibyte);
      await partition(t, image, script, sectorBytes);
      const expected = await rowsBySfdisk(t, image, sectorBytes);
      t.true(expected.length >= 4);
      t.deepEqual(await rowsOf(image, sectorBytes), expected);
    });
  }

  test(`GPT finds sectors of ${sectorBytes} bytes by itself`, async (t) => {
    const image = await emptyDisk(t, 64 * mebibyte);
    await partition(t, image, gptScript, sectorBytes);
    t.deepEqual(await rowsOf(image), await rowsBySfdisk(t, image, sectorBytes));
  });
}

test('GPT with 400 entries, 200 of them in use', async (t) => {
  const image = await emptyDisk(t, 512 * mebibyte);
  const lines = Array.from({ length: 200 }, (_, index) => `size=1M, name="part ${index}"\n`);
  await partition(t, image, `label: gpt\ntable-length: 400\n${lines.join('')}`);
  const rows = await rowsOf(image);
  t.is(rows.length, 200);
  t.deepEqual(rows, await rowsBySfdisk(t, image));
});

test('GPT made by sgdisk with a hybrid MBR', async (t) => {
  const image = await emptyDisk(t, 64 * mebibyte);
  const make = ['--new=1:0:+8M', '--new=2:0:+8M', '--change-name=2:second', '--hybrid=2'];
  await execa('sgdisk', [...make, image]);
  t.deepEqual(await rowsOf(image), await rowsBySfdisk(t, image));
  const [table] = await withReader(image, (reader) => readPartitionTables(reader));
  t.deepEqual(table?.disputed, []);
  t.deepEqual(table?.notes, []);
});

for (const entryBytes of [136, 256, 512]) {
  test(`GPT with entries of ${entryBytes} bytes`, async (t) => {
    const image = await emptyDisk(t, 64 * mebibyte);
    await partition(t, image, gptScript);
    const expected = await rowsBySfdisk(t, image);
    await rewriteGpt(image, (header, entries) => {
      const count = 32;
      const narrow = Buffer.from(entries);
      entries.fill(0xa5);
      for (let entry = 0; entry < count; entry++) {
        narrow.copy(entries, entry * entryBytes, entry * 128, (entry + 1) * 128);
      }
      header.writeUInt32LE(count, gptHeader.entryCount);
      header.writeUInt32LE(entryBytes, gptHeader.entryBytes);
    });
    t.deepEqual(await rowsOf(image), expected);
    const [table] = await withReader(image, (reader) => readPartitionTables(reader));
    t.deepEqual(table?.notes, []);
  });
}

async function overwrite(image: string, at: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(image, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, at);
  } finally {
    await handle.close();
  }
}

for (const [what, at] of [
  ['header', 512 + 40],
  ['entries', 1024 + 40],
] as const) {
  test(`GPT with damaged primary ${what}: the backup is used and the damage noted`, async (t) => {
    const image = await emptyDisk(t, 64 * mebibyte);
    await partition(t, image, gptScript);
    const expected = await rowsOf(image);
    await overwrite(image, at, Buffer.from('damage'));
    t.deepEqual(await rowsOf(image), expected);
    t.deepEqual(await rowsBySfdisk(t, image), expected);
    const [table] = await withReader(image, (reader) => readPartitionTables(reader));
    t.deepEqual(
      table?.notes.map(({ code }) => code),
      ['GPT_DAMAGED'],
    );
  });
}

test('GPT with both copies damaged is an error that names the place', async (t) => {
  const image = await emptyDisk(t, 64 * mebibyte);
  await partition(t, image, gptScript);
  await overwrite(image, 512 + 40, Buffer.from('damage'));
  await overwrite(image, 64 * mebibyte - 512 + 40, Buffer.from('damage'));
  await t.throwsAsync(rowsOf(image), { code: 'CORRUPT', message: /^GPT header at byte 512: / });
});

test('an MBR beside a GPT that it does not protect is ambiguous', async (t) => {
  const image = await emptyDisk(t, 64 * mebibyte);
  await partition(t, image, gptScript);
  const entry = Buffer.from([0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 16, 0, 0]);
  await overwrite(image, 0x1be, entry);
  await t.throwsAsync(rowsOf(image), { code: 'AMBIGUOUS' });
});

for (const [what, make] of [
  ['zeros', ['true']],
  ['NTFS', ['mkntfs', '--force', '--quick', '--quiet']],
  ['ext4', ['mkfs.ext4', '-q']],
  ['XFS', ['mkfs.xfs', '-q']],
] as const) {
  test(`${what} on the whole device is no partition table`, async (t) => {
    const image = await emptyDisk(t, 512 * mebibyte);
    const [command, ...options] = make;
    await execa(command, [...options, image]);
    await t.throwsAsync(rowsOf(image), { code: 'NOT_RECOGNISED' });
  });
}
