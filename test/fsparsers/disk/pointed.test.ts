/** What a table points to is used, whether something sound lies there or not. */

import { copyFile, open } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { mapVolume } from '../../../fsparsers/index.js';
import { fastsyncJson } from '../../support/fastsync.js';
import { attachLoop, scratchDirectory } from '../../support/scratch.js';
import { emptyDisk, makeNtfsWithin, mebibyte, partition, withReader } from './support.js';

async function bytesAt(image: string, at: number, length: number): Promise<Buffer> {
  await using handle = await open(image);
  const bytes = Buffer.alloc(length);
  await handle.read(bytes, 0, length, at);
  return bytes;
}

async function write(image: string, at: number, bytes: Uint8Array): Promise<void> {
  await using handle = await open(image, 'r+');
  await handle.write(bytes, 0, bytes.length, at);
}

/** The partitions as sfdisk makes them out, and as libblkid does when it asks the kernel's way. */
async function partitionsOf(t: ExecutionContext, image: string): Promise<unknown> {
  const { stdout } = await execa('sfdisk', ['--json', image], { reject: false });
  const device = await attachLoop(t, image, ['--read-only']);
  const { stdout: rows } = await execa('partx', ['--show', '--raw', device], { reject: false });
  await execa('losetup', ['--detach', device]);
  const { partitiontable } = JSON.parse(stdout || '{}') as {
    partitiontable?: { partitions?: { start: number; size: number }[] };
  };
  const places = partitiontable?.partitions?.map(({ start, size }) => [start, size]);
  return { places, rows };
}

async function seeded(t: ExecutionContext, source: string, target: string): Promise<void> {
  const state = ['--state-dir', path.join(await scratchDirectory(t), 'state')];
  const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
  const { exitCode, lines } = await fastsyncJson(words);
  t.is(exitCode, 0, JSON.stringify(lines));
}

/** An MBR entry of an extended boot record. */
function entry(type: number, start: number, sectors: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes[4] = type;
  bytes.writeUInt32LE(start, 8);
  bytes.writeUInt32LE(sectors, 12);
  return bytes;
}

test('a chain that breaks off in free space does not go on with what the target held there', async (t) => {
  const sizeBytes = 64 * mebibyte;
  const source = await emptyDisk(t, sizeBytes);
  const sectors = (mib: number): number => (mib * mebibyte) / 512;
  await partition(
    t,
    source,
    'label: dos\nstart=1M, size=60M, type=f\nstart=2M, size=40M, type=7\n',
  );
  await makeNtfsWithin(t, source, 2, 40);
  const { ranges } = await withReader(source, (reader) => mapVolume(reader));
  const free = [...ranges].find(({ reason, length }) => reason === 'free' && length > 4 * mebibyte);
  if (free === undefined) throw new Error('nothing is free');
  const recordAt = Math.ceil(free.start / mebibyte + 1) * mebibyte;
  // The first record goes on at a sector that a file system calls free: nothing is there.
  const next = entry(5, recordAt / 512 - sectors(1), sectors(2));
  await write(source, mebibyte + 0x1be + 16, next);
  t.true((await bytesAt(source, recordAt, 512)).every((byte) => byte === 0));

  // On the target lies an older record, with a partition.
  const target = path.join(await scratchDirectory(t), 'target');
  await copyFile(source, target);
  const record = Buffer.alloc(512);
  entry(0x83, sectors(45) - recordAt / 512, sectors(4)).copy(record, 0x1be);
  record.set([0x55, 0xaa], 510);
  await write(target, recordAt, record);
  const before = await partitionsOf(t, source);
  t.notDeepEqual(await partitionsOf(t, target), before);

  await seeded(t, source, target);
  t.deepEqual(await partitionsOf(t, target), before);
  const map = await withReader(source, (reader) => mapVolume(reader));
  t.is(map.locate(recordAt), 'EBR');
  t.is(map.ranges.find(recordAt).reason, 'metadata');
});

for (const what of ['header', 'entries'] as const) {
  test(`a backup GPT whose ${what} are broken does not come alive on the target`, async (t) => {
    const sizeBytes = 64 * mebibyte;
    const source = await emptyDisk(t, sizeBytes);
    await partition(
      t,
      source,
      'label: gpt\nstart=2M, size=40M, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\n',
    );
    await makeNtfsWithin(t, source, 2, 40);
    const target = path.join(await scratchDirectory(t), 'target');
    await copyFile(source, target);
    const at = sizeBytes - 512 - (what === 'header' ? 0 : 32 * 512);
    await write(source, at, Buffer.alloc(what === 'header' ? 8 : 128));
    await seeded(t, source, target);
    const places = what === 'header' ? [sizeBytes - 512] : [sizeBytes - 512, at];
    const map = await withReader(source, (reader) => mapVolume(reader));
    for (const place of places) {
      t.deepEqual(await bytesAt(target, place, 512), await bytesAt(source, place, 512));
      t.is(map.ranges.find(place).reason, 'metadata');
    }
  });
}
