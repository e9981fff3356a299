/** Damaged and hostile partition tables: a typed error, or a map that calls nothing free too much. */

import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { diskParser } from '../../../fsparsers/disk/index.js';
import { ParseError } from '../../../fsparsers/errors.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { seededRandom, type Random } from '../../support/random.js';
import {
  emptyDisk,
  gptHeader,
  makeNtfsWithin,
  mapNtfs,
  mebibyte,
  partition,
  repairGpt,
} from './support.js';

const diskMebibytes = 20;
const lastSector = (diskMebibytes * mebibyte) / 512 - 1;
const scripts = {
  gpt: 'label: gpt\nstart=2M, size=4M\nstart=7M, size=1M\nstart=10M, size=8M\n',
  dos: [
    'label: dos',
    'start=2M, size=4M, type=7',
    'start=7M, size=12M, type=f',
    'start=8M, size=1M, type=83',
    'start=10M, size=8M, type=7\n',
  ].join('\n'),
};

async function pristineDisk(t: ExecutionContext, scheme: 'gpt' | 'dos'): Promise<Buffer> {
  const image = await emptyDisk(t, diskMebibytes * mebibyte);
  await partition(t, image, scripts[scheme]);
  await makeNtfsWithin(t, image, 2, 4);
  await makeNtfsWithin(t, image, 10, 8);
  return readFile(image);
}

function parse(disk: Uint8Array): Promise<UsedMap> {
  return diskParser(mapNtfs).parse(new BufferReader(disk));
}

/** Free ranges of `mutant` that `pristine` does not call free. */
function surplusFree(mutant: UsedMap, pristine: UsedMap): string[] {
  const surplus: string[] = [];
  for (const { start, length, reason } of mutant.ranges) {
    if (reason !== 'free') continue;
    const known = pristine.ranges.find(start);
    const isFree = known.reason === 'free' && start + length <= known.start + known.length;
    if (!isFree) surplus.push(`${length} bytes at ${start}`);
  }
  return surplus;
}

/** Parses; a ParseError is an answer, any other error is not. */
async function mapOrTypedError(disk: Uint8Array): Promise<UsedMap | null> {
  try {
    return await parse(disk);
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

/** Numbers that have broken parsers before, and some at random. */
function wildNumber(random: Random, width: 4 | 8): bigint {
  const wild = [0n, 1n, 2n, 34n, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
  const value = random.next() < 0.5 ? random.pick(wild) : BigInt(random.between(0, 50_000));
  return value % 2n ** BigInt(8 * width);
}

function mutateGpt(disk: Buffer, random: Random): void {
  const sectors = random.pick([[1], [lastSector], [1, lastSector]]);
  for (const sector of sectors) {
    const header = disk.subarray(sector * 512, (sector + 1) * 512);
    const entriesAt = Number(header.readBigUInt64LE(gptHeader.entriesSector)) * 512;
    for (let edits = random.between(1, 4); edits > 0; edits--) {
      if (random.next() < 0.3) {
        const at = random.pick([24, gptHeader.otherSector, 40, 48, gptHeader.entriesSector]);
        header.writeBigUInt64LE(wildNumber(random, 8), at);
      } else if (random.next() < 0.3) {
        const { headerBytes, entryCount, entryBytes } = gptHeader;
        const at = random.pick([headerBytes, entryCount, entryBytes]);
        header.writeUInt32LE(Number(wildNumber(random, 4)), at);
      } else {
        const at = entriesAt + 128 * random.between(0, 4) + random.pick([0, 32, 40]);
        disk.writeBigUInt64LE(wildNumber(random, 8), at);
      }
    }
    const tableBytes =
      header.readUInt32LE(gptHeader.entryCount) * header.readUInt32LE(gptHeader.entryBytes);
    const isOnDisk = header.readBigUInt64LE(gptHeader.entriesSector) < BigInt(lastSector);
    if (tableBytes <= disk.length && isOnDisk) repairGpt(disk, sector);
  }
  if (random.next() < 0.2) mutateMbr(disk, random, [0]);
}

function mutateMbr(disk: Buffer, random: Random, recordSectors: readonly number[]): void {
  for (let edits = random.between(1, 4); edits > 0; edits--) {
    const entryAt = random.pick(recordSectors) * 512 + 0x1be + 16 * random.between(0, 4);
    const kind = random.between(0, 4);
    if (kind === 0) disk[entryAt + 4] = random.pick([0, 5, 7, 0x0f, 0x83, 0xee]);
    else if (kind === 1) disk.writeUInt32LE(Number(wildNumber(random, 4)), entryAt + 8);
    else if (kind === 2) disk.writeUInt32LE(Number(wildNumber(random, 4)), entryAt + 12);
    else disk[entryAt + random.between(0, 16)] = random.between(0, 256);
  }
}

/** The disk's records: sector 0 and the chain that sfdisk made for the script above. */
const bootRecords = [0, (7 * mebibyte) / 512, (9 * mebibyte) / 512];

/** All that the mutations touch: copying the whole disk for each would take most of the time. */
const tableAreas = [
  [0, mebibyte],
  ...bootRecords.map((sector) => [sector * 512, sector * 512 + 512] as const),
  [(diskMebibytes - 1) * mebibyte, diskMebibytes * mebibyte],
] as const;

for (const [scheme, mutate] of [
  ['gpt', mutateGpt],
  [
    'dos',
    (disk: Buffer, random: Random): void => {
      mutateMbr(disk, random, bootRecords);
    },
  ],
] as const) {
  test(`${scheme}: mutants`, async (t) => {
    const random = seededRandom(t, 3);
    const disk = await pristineDisk(t, scheme);
    const pristine = await parse(disk);
    t.true(pristine.ranges.totals().free > 3 * mebibyte);
    let maps = 0;
    const bytes = Buffer.from(disk);
    for (let mutant = 0; mutant < 3000; mutant++) {
      for (const [start, end] of tableAreas) disk.copy(bytes, start, start, end);
      mutate(bytes, random);
      const map = await mapOrTypedError(bytes);
      if (map === null) continue;
      maps++;
      t.deepEqual(surplusFree(map, pristine), [], `mutant ${mutant}`);
    }
    t.log(`${maps} maps, ${3000 - maps} errors`);
    t.true(maps > 300 && maps < 3000);
  });

  test(`${scheme}: truncated anywhere`, async (t) => {
    const disk = await pristineDisk(t, scheme);
    const pristine = await parse(disk);
    const sizes = [
      0,
      1,
      511,
      512,
      513,
      1023,
      1024,
      1536,
      17 * 1024,
      2 * mebibyte,
      2 * mebibyte + 1,
    ];
    for (const start of [0, 7, 8, 9, 10, 18, 19])
      sizes.push(start * mebibyte + 512, start * mebibyte);
    for (const back of [1, 512, 513, 1024, 33 * 512, 34 * 512]) sizes.push(disk.length - back);
    for (const size of sizes) {
      const map = await mapOrTypedError(disk.subarray(0, size));
      if (map === null) continue;
      t.is(map.deviceBytes, size);
      t.deepEqual(surplusFree(map, pristine), [], `${size} bytes`);
    }
  });
}

test('a chain of logical partitions in a circle ends with a note', async (t) => {
  const disk = await pristineDisk(t, 'dos');
  const [, first, second] = bootRecords as [number, number, number];
  const link = second * 512 + 0x1be + 16;
  disk[link + 4] = 5;
  disk.writeUInt32LE(0, link + 8);
  disk.writeUInt32LE(100, link + 12);
  const map = await parse(disk);
  t.deepEqual(
    map.notes.filter(({ code }) => code === 'MBR_CHAIN_BROKEN').map(({ message }) => message),
    [`the chain of logical partitions ends early: it returns to sector ${first}`],
  );
  t.true(map.ranges.totals().free > 3 * mebibyte);
});
