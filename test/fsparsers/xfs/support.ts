/** XFS volumes made by mkfs.xfs and the kernel, and what the kernel and xfs_db say of their blocks. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import type { ParserOptions } from '../../../fsparsers/parser.js';
import type { ByteReader } from '../../../fsparsers/reader.js';
import type { MapRange } from '../../../fsparsers/reason.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { xfsParser } from '../../../fsparsers/xfs/index.js';
import { FileByteReader } from '../../../src/volume/index.js';
import { mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';

export const mebibyte = 1 << 20;
export const gibibyte = 1 << 30;
export const tebibyte = 2 ** 40;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The map of an image file; `logFile` is its external log, `onRead` sees every read's length. */
export async function mapImage(
  image: string,
  logFile?: string,
  onRead?: (lengthBytes: number) => void,
  options: ParserOptions = {},
): Promise<UsedMap> {
  const handles = [];
  try {
    const readers = [];
    for (const file of [image, ...(logFile === undefined ? [] : [logFile])]) {
      const handle = await open(file);
      handles.push(handle);
      const reader = new FileByteReader(handle, file, (await handle.stat()).size);
      readers.push(watched(reader, onRead));
    }
    const [device, externalJournal] = readers;
    if (device === undefined) throw new Error('no device');
    return await xfsParser.parse(device, {
      ...options,
      ...(externalJournal && { externalJournal }),
    });
  } finally {
    for (const handle of handles) await handle.close();
  }
}

function watched(reader: ByteReader, onRead?: (lengthBytes: number) => void): ByteReader {
  return {
    sizeBytes: reader.sizeBytes,
    read(offsetBytes, lengthBytes) {
      onRead?.(lengthBytes);
      return reader.read(offsetBytes, lengthBytes);
    },
  };
}

/** A new image with a fresh XFS; `options` are mkfs.xfs's own. */
export async function makeXfs(
  t: ExecutionContext,
  sizeBytes: number,
  options: readonly string[] = [],
): Promise<string> {
  const image = path.join(await scratchDirectory(t), 'xfs.img');
  await sparseFile(image, sizeBytes);
  await execa('mkfs.xfs', ['-q', '-f', ...options, image]);
  return image;
}

/** Runs `work` on the image mounted by the kernel, with mount options; unmounted when it returns. */
export async function whileMounted<T>(
  t: ExecutionContext,
  image: string,
  work: (directory: string) => Promise<T>,
  mountOptions: readonly string[] = [],
): Promise<T> {
  const { directory, unmount } = await mounted(t, image, [
    '-o',
    ['loop', ...mountOptions].join(','),
  ]);
  try {
    return await work(directory);
  } finally {
    await unmount();
  }
}

/** Free ranges as the kernel's GETFSMAP lists them: bytes, sorted and merged; AGFL blocks are used. */
export async function freeByKernel(directory: string): Promise<Range[]> {
  const { stdout } = await execa('xfs_io', ['-r', '-c', 'fsmap -m -d', directory]);
  const free = stdout
    .split('\n')
    .map((line) => line.split(','))
    .filter((columns) => columns[5] === 'special_0:1');
  return merged(
    free.map(([, , , first, last]) => ({
      start: Number(first) * 512,
      end: (Number(last) + 1) * 512,
    })),
  );
}

/** Free ranges as xfs_db reads them off the trees on disk, log or no log; AGFL blocks are used. */
export async function freeByXfsDb(image: string): Promise<Range[]> {
  const geometry = ['-c', 'sb 0', '-c', 'p blocksize agblocks agcount'];
  const sizes = numbersAfterEquals((await execa('xfs_db', ['-r', ...geometry, image])).stdout);
  const [blockBytes = NaN, agBlocks = NaN, agCount = NaN] = sizes;
  const rangeOf = (agno: number, agbno: number, blocks: number) => {
    const start = (agno * agBlocks + agbno) * blockBytes;
    return { start, end: start + blocks * blockBytes };
  };
  const { stdout } = await execa('xfs_db', ['-r', '-c', 'freesp -d', image]);
  const ranges: Range[] = [];
  for (const line of stdout.split('\n').slice(1)) {
    if (line.includes('from')) break; // the histogram
    const [agno = NaN, agbno = NaN, blocks = NaN] = line.trim().split(/\s+/).map(Number);
    ranges.push(rangeOf(agno, agbno, blocks));
  }
  // freesp counts the free lists' blocks as free.
  const lists = await readFreeLists(image, agCount);
  const listed = lists.flatMap(({ blocks }, agno) =>
    blocks.map((block) => rangeOf(agno, block, 1)),
  );
  return minus(merged(ranges), merged(listed));
}

export interface FreeList {
  readonly blocks: readonly number[];
  /** Places in the group's AGFL sector. */
  readonly slots: number;
}

/** The AGFLs of the first `agCount` groups, as xfs_db prints them. */
export async function readFreeLists(image: string, agCount: number): Promise<FreeList[]> {
  const commands = Array.from({ length: agCount }, (_, agno) => [
    ...['-c', `agf ${agno}`, '-c', 'p flfirst flcount', '-c', `agfl ${agno}`, '-c', 'p bno'],
  ]);
  const { stdout } = await execa('xfs_db', ['-r', ...commands.flat(), image]);
  return stdout
    .split('flfirst')
    .slice(1)
    .map((text) => {
      const [first = NaN, count = NaN] = numbersAfterEquals(text);
      const all = [...text.matchAll(/(\d+):(\d+|null)/g)].map(([, , block]) => Number(block));
      const blocks = Array.from(
        { length: count },
        (_, index) => all[(first + index) % all.length] ?? NaN,
      );
      return { blocks, slots: all.length };
    });
}

function numbersAfterEquals(text: string): number[] {
  return [...text.matchAll(/ = (\d+)/g)].map(([, digits]) => Number(digits));
}

/** Ranges of a map with one of the reasons, merged. */
export function rangesOf(map: UsedMap, isWanted: (range: MapRange) => boolean): Range[] {
  const wanted = [...map.ranges].filter(isWanted);
  return merged(wanted.map(({ start, length }) => ({ start, end: start + length })));
}

export function freeOf(map: UsedMap): Range[] {
  return rangesOf(map, ({ reason }) => reason === 'free');
}

export function merged(ranges: readonly Range[]): Range[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

/** What is in `a` but not in `b`; both merged. */
export function minus(a: readonly Range[], b: readonly Range[]): Range[] {
  const left: Range[] = [];
  let next = 0;
  for (const { start, end } of a) {
    while (next < b.length && (b[next]?.end ?? 0) <= start) next++;
    let from = start;
    for (let index = next; index < b.length; index++) {
      const hole = b[index];
      if (hole === undefined || hole.start >= end) break;
      if (hole.start > from) left.push({ start: from, end: hole.start });
      from = Math.max(from, hole.end);
    }
    if (from < end) left.push({ start: from, end });
  }
  return left;
}

/** What is in both; both merged. */
export function common(a: readonly Range[], b: readonly Range[]): Range[] {
  return minus(a, minus(a, b));
}

export function bytesIn(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Asserts that a map's free ranges are exactly those of the kernel's GETFSMAP. */
export async function assertFreeByKernel(
  t: ExecutionContext,
  image: string,
  map: UsedMap,
): Promise<void> {
  const byKernel = await whileMounted(t, image, freeByKernel, ['ro']);
  t.deepEqual(freeOf(map), byKernel);
}
