/** Whether a volume without a signature holds data nevertheless, which may belong to somebody. */

import type { Volume } from '../volume/index.js';
import { isStamped, stampBytes } from './target-header/index.js';

const pieceBytes = 4 * 1024 * 1024;

/** At most this much of a file is searched for nonzero bytes; a larger file counts as data. */
const searchedBytes = 16 * 1024 ** 3;

/**
 * A device is sampled at this many offsets, always including its start and end: reading all of it would
 * take too long.
 */
const samples = 256;
const sampleBytes = 64 * 1024;
const zeroes = Buffer.alloc(pieceBytes);

/** False only where nothing but zeroes, holes and our own stamp was found. */
export async function holdsData(volume: Volume): Promise<boolean> {
  const { kind } = volume.identity;
  return kind === 'file' ? fileHoldsData(volume) : deviceHoldsData(volume);
}

async function fileHoldsData(volume: Volume): Promise<boolean> {
  const { sizeBytes } = volume.identity;
  let readBytes = 0;
  for (let at = await volume.nextData(0); at !== null && at < sizeBytes;) {
    const length = Math.min(pieceBytes, sizeBytes - at);
    readBytes += length;
    if (readBytes > searchedBytes || !(await isBlank(volume, at, length))) return true;
    at = await volume.nextData(at + length);
  }
  return false;
}

async function deviceHoldsData(volume: Volume): Promise<boolean> {
  const { sizeBytes } = volume.identity;
  const length = Math.min(sampleBytes, sizeBytes);
  const last = sizeBytes - length;
  // The end is always read: backup tables and superblocks lie there.
  const step = Math.max(sampleBytes, Math.floor(last / samples / sampleBytes) * sampleBytes);
  for (let at = 0; at < last; at += step) {
    if (!(await isBlank(volume, at, length))) return true;
  }
  return !(await isBlank(volume, last, length));
}

async function isBlank({ reader }: Volume, at: number, length: number): Promise<boolean> {
  const bytes = await reader.read(at, length);
  const own = at === 0 && isStamped(bytes) ? stampBytes : 0;
  return zeroes.subarray(own, length).equals(bytes.subarray(own));
}
