/** Disks partitioned by sfdisk and sgdisk, and what sfdisk says of them. */

import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import {
  diskParser,
  readPartitionTables,
  type MapPartition,
} from '../../../fsparsers/disk/index.js';
import { ntfsParser } from '../../../fsparsers/ntfs/index.js';
import type { ByteReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { FileByteReader } from '../../../src/volume/index.js';
import { attachLoop, scratchDirectory, sparseFile } from '../../support/scratch.js';

export const mebibyte = 1 << 20;

/** A partition as both sides can tell it. */
export interface Row {
  readonly index: number;
  readonly start: number;
  readonly length: number;
  readonly type: string;
  readonly name: string | null;
  readonly uuid: string | null;
}

interface SfdiskTable {
  readonly label: string;
  readonly id?: string;
  readonly sectorsize: number;
  readonly partitions?: readonly {
    readonly node: string;
    readonly start: number;
    readonly size: number;
    readonly type: string;
    readonly name?: string;
    readonly uuid?: string;
  }[];
}

export async function emptyDisk(t: ExecutionContext, sizeBytes: number): Promise<string> {
  return sparseFile(path.join(await scratchDirectory(t), 'disk.img'), sizeBytes);
}

/** Partitions the image by an sfdisk script; in sectors of 4096 bytes through a loop device. */
export async function partition(
  t: ExecutionContext,
  image: string,
  script: string,
  sectorBytes = 512,
): Promise<void> {
  const device = await deviceOf(t, image, sectorBytes);
  await execa('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', device], { input: script });
}

async function deviceOf(t: ExecutionContext, image: string, sectorBytes: number): Promise<string> {
  if (sectorBytes === 512) return image;
  return attachLoop(t, image, ['--sector-size', String(sectorBytes)]);
}

/** The table as sfdisk reads it. */
export async function rowsBySfdisk(
  t: ExecutionContext,
  image: string,
  sectorBytes = 512,
): Promise<Row[]> {
  const device = await deviceOf(t, image, sectorBytes);
  const { stdout } = await execa('sfdisk', ['--json', device]);
  const { partitiontable: table } = JSON.parse(stdout) as { partitiontable: SfdiskTable };
  return (table.partitions ?? []).map(({ node, start, size, type, name, uuid }) => {
    const index = Number(/\d+$/.exec(node)?.[0]);
    const signature = table.id?.replace('0x', '') ?? '';
    return {
      index,
      start: start * sectorBytes,
      length: size * sectorBytes,
      type: type.length <= 2 ? type.padStart(2, '0') : type,
      name: name ?? null,
      uuid: uuid ?? `${signature}-${index.toString(16).padStart(2, '0')}`,
    };
  });
}

export async function withReader<T>(
  image: string,
  work: (reader: ByteReader) => Promise<T>,
): Promise<T> {
  const handle = await open(image);
  try {
    const { size } = await handle.stat();
    return await work(new FileByteReader(handle, image, size));
  } finally {
    await handle.close();
  }
}

/** The table as it is read here. */
export async function rowsOf(image: string, sectorBytes?: number): Promise<Row[]> {
  const [table] = await withReader(image, (reader) => readPartitionTables(reader, { sectorBytes }));
  return (table?.partitions ?? []).map(({ index, start, length, type, name, uuid }) => ({
    index,
    start,
    length,
    type,
    name,
    uuid,
  }));
}

/** Knows NTFS only: what else lies in a partition is used whole. */
export const mapNtfs: MapPartition = (reader, options) => ntfsParser.parse(reader, options);

export function mapDisk(image: string, mapPartition = mapNtfs): Promise<UsedMap> {
  return withReader(image, (reader) => diskParser(mapPartition).parse(reader));
}

/** Makes an NTFS in a range of the image. */
export async function makeNtfsWithin(
  t: ExecutionContext,
  image: string,
  startMebibytes: number,
  sizeMebibytes: number,
): Promise<void> {
  const volume = await emptyDisk(t, sizeMebibytes * mebibyte);
  await execa('mkntfs', ['--force', '--quick', '--quiet', volume]);
  const where = ['bs=1M', `seek=${startMebibytes}`, 'conv=notrunc', 'status=none'];
  await execa('dd', [`if=${volume}`, `of=${image}`, ...where]);
}

/** Bytes that the map calls free between `start` and `end`. */
export function freeWithin(map: UsedMap, start: number, end: number): number {
  let free = 0;
  for (const range of map.ranges) {
    if (range.reason !== 'free') continue;
    const from = Math.max(start, range.start);
    free += Math.max(0, Math.min(end, range.start + range.length) - from);
  }
  return free;
}

/** Fields of a GPT header, which begins at `at` of the disk. */
export const gptHeader = {
  headerBytes: 12,
  headerCrc: 16,
  otherSector: 32,
  entriesSector: 72,
  entryCount: 80,
  entryBytes: 84,
  entriesCrc: 88,
} as const;

/** Puts the checksums of the GPT copy right whose header lies in that sector of 512 bytes. */
export function repairGpt(disk: Buffer, headerSector: number): void {
  const header = disk.subarray(headerSector * 512, (headerSector + 1) * 512);
  const entriesAt = Number(header.readBigUInt64LE(gptHeader.entriesSector)) * 512;
  const entriesLength =
    header.readUInt32LE(gptHeader.entryCount) * header.readUInt32LE(gptHeader.entryBytes);
  const entries = disk.subarray(entriesAt, entriesAt + entriesLength);
  header.writeUInt32LE(crc32(entries), gptHeader.entriesCrc);
  header.writeUInt32LE(0, gptHeader.headerCrc);
  const headerBytes = Math.min(header.readUInt32LE(gptHeader.headerBytes), 512);
  header.writeUInt32LE(crc32(header.subarray(0, headerBytes)), gptHeader.headerCrc);
}

/** Changes both copies of an image's GPT and puts the checksums right. */
export async function rewriteGpt(
  image: string,
  change: (header: Buffer, entries: Buffer) => void,
): Promise<void> {
  const disk = await readFile(image);
  for (const headerSector of [1, disk.length / 512 - 1]) {
    const header = disk.subarray(headerSector * 512, (headerSector + 1) * 512);
    const entriesAt = Number(header.readBigUInt64LE(gptHeader.entriesSector)) * 512;
    change(header, disk.subarray(entriesAt, entriesAt + 128 * 128));
    repairGpt(disk, headerSector);
  }
  await writeFile(image, disk);
}
