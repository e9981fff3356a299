/**
 * Old signatures on a target outside the ranges that a run writes. An md superblock at the end, a backup
 * partition table or a label in a gap decide what the kernel takes the volume for, just like those at the
 * start.
 */

import {
  describeSignature,
  probe,
  type Signature,
  SubReader,
  type PlacedSignature,
  everySignature,
  type UsedMap,
} from '../../fsparsers/index.js';
import type { ByteReader } from '../../fsparsers/reader.js';
import { clear } from '../engine/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import {
  alignOutward,
  canonical,
  clip,
  type ExtentList,
  extentOf,
  intersect,
  union,
} from '../region/index.js';
import type { Volume } from '../volume/index.js';
import { planCopy } from './plan.js';
import { watchJob } from './watch-job.js';

/** The parts of a target that the source determines. */
export interface Layout {
  readonly sourceBytes: number;
  /** The ranges of the source that no copy covers. */
  readonly free: ExtentList;
  /** The partitions of a disk: each is a volume with its own places for signatures. */
  readonly partitions: readonly { readonly start: number; readonly length: number }[];
}

export function layoutOf({ ranges, deviceBytes, partitions = [] }: UsedMap): Layout {
  return { sourceBytes: deviceBytes, free: planCopy(ranges, deviceBytes, 0).free, partitions };
}

/** The margin at both ends of a volume that is cleared: most formats keep their signatures there. */
const marginBytes = 4 * 1024 * 1024;

/** The smallest unit to write: the largest sector size in use. */
const alignmentBytes = 4096;

/** The ranges of a target that a run with this layout does not write. */
function uncovered({ free, sourceBytes }: Layout, targetBytes: number): ExtentList {
  const behind = extentOf(sourceBytes, Math.max(0, targetBytes - sourceBytes));
  return clip(union(free, behind), 0, targetBytes);
}

/** The volume itself, and the partitions that lie completely on it. */
function volumesOn({ partitions }: Layout, sizeBytes: number) {
  return [
    { start: 0, length: sizeBytes },
    ...partitions.filter(({ start, length }) => length > 0 && start + length <= sizeBytes),
  ];
}

/** Every signature on a volume and in its partitions, with its offset on the volume. */
async function tracesOn(reader: ByteReader, layout: Layout): Promise<PlacedSignature[]> {
  const found: PlacedSignature[] = [];
  for (const { start, length } of volumesOn(layout, reader.sizeBytes)) {
    for (const trace of await everySignature(new SubReader(reader, start, length))) {
      const { signature } = trace;
      const placed = { ...signature, offsetBytes: start + signature.offsetBytes };
      found.push({ ...trace, signature: placed, startBytes: start + trace.startBytes });
    }
  }
  return found;
}

function placeOf({ startBytes, lengthBytes }: PlacedSignature, sizeBytes: number): ExtentList {
  return clip(extentOf(startBytes, lengthBytes), 0, sizeBytes);
}

const identityOf = ({ type, uuid, offsetBytes }: Signature): string =>
  JSON.stringify([type, uuid, offsetBytes]);

/** One line each. */
export function describeStrays(found: readonly PlacedSignature[]): string[] {
  return [...new Set(found.map(({ signature }) => describeSignature(signature)))];
}

/**
 * Wipes every known signature outside the ranges that a run writes, and clears the margins of the volume
 * and its partitions, where other tools look. Resolves with what was found, one line each. Never writes
 * to ranges that the source uses.
 */
export async function wipeOldSignatures(target: Volume, layout: Layout): Promise<string[]> {
  const { sizeBytes } = target.identity;
  const open = uncovered(layout, sizeBytes);
  const found = (await ifReadable(tracesOn(target.reader, layout), [])).filter(
    (trace) => intersect(placeOf(trace, sizeBytes), open).length > 0,
  );
  const ends = volumesOn(layout, sizeBytes).flatMap(({ start, length }) => {
    const margin = Math.min(length, marginBytes);
    return [start, margin, start + length - margin, margin];
  });
  await wipe(target, open, [...ends, ...found.flatMap((trace) => [...placeOf(trace, sizeBytes)])]);
  return describeStrays(found);
}

async function wipe(volume: Volume, within: ExtentList, pairs: readonly number[]): Promise<void> {
  const wanted = alignOutward(
    canonical(Float64Array.from(pairs)),
    alignmentBytes,
    volume.identity.sizeBytes,
  );
  const extents = intersect(wanted, within);
  if (extents.length === 0) return;
  await volume.lend((target) => watchJob(clear({ target, extents, mode: 'zero' }), {}));
}

/**
 * Plausible signatures on the target, outside the ranges that the source uses, that the source does not
 * have.
 */
export async function straysOn(
  target: ByteReader,
  source: ByteReader | null,
  layout: Layout,
): Promise<PlacedSignature[]> {
  const open = uncovered(layout, target.sizeBytes);
  const believed = (list: readonly PlacedSignature[]) =>
    list.filter(({ signature, isCopy }) => signature.doubt === null && !isCopy);
  const found = believed(await ifReadable(tracesOn(target, layout), [])).filter(
    (trace) => intersect(placeOf(trace, target.sizeBytes), open).length > 0,
  );
  if (found.length === 0 || source === null) return found;
  const own = believed(await ifReadable(tracesOn(source, layout), []));
  const known = new Set(own.map(({ signature }) => identityOf(signature)));
  return found.filter(({ signature }) => !known.has(identityOf(signature)));
}

/** The same, one line each. */
export async function namedStrays(...sides: Parameters<typeof straysOn>): Promise<string[]> {
  return describeStrays(await straysOn(...sides));
}

/** Wipes stray signatures that the user agreed to remove. */
export async function wipeStrays(
  target: Volume,
  strays: readonly PlacedSignature[],
  layout: Layout,
): Promise<void> {
  const { sizeBytes } = target.identity;
  const pairs = strays.flatMap((trace) => [...placeOf(trace, sizeBytes)]);
  await wipe(target, uncovered(layout, sizeBytes), pairs);
}

/**
 * How a finished target probes differently from its source, one line each; empty if it does not.
 * Signatures in the source's free space were not copied and are not expected.
 */
export async function probedOtherwise(
  target: ByteReader,
  source: ByteReader,
  layout: Layout,
): Promise<string[]> {
  const strays = await namedStrays(target, source, layout);
  const there = new Set(
    (await ifReadable(tracesOn(target, layout), [])).map(({ signature }) => identityOf(signature)),
  );
  const wanted = (await ifReadable(probe(source), [])).filter(
    (signature) => signature.doubt === null && !isWithin(signature, layout.free),
  );
  const missing = wanted.filter((signature) => !there.has(identityOf(signature)));
  return [
    ...strays.map((what) => `it has ${what}, which the source does not have`),
    ...missing.map((one) => `it lacks ${describeSignature(one)}, which the source has`),
  ];
}

function isWithin({ offsetBytes }: Signature, extents: ExtentList): boolean {
  return clip(extents, offsetBytes, 512).length > 0;
}

/** An unreadable volume has no signatures that anybody could find. */
async function ifReadable<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof FastsyncError && error.exitCode === exitCodes.incomplete) return otherwise;
    throw error;
  }
}
