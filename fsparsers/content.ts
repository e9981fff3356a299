/**
 * Decides which of several signatures on a volume is the file system's own, and which are content of its
 * files.
 */

import { ParseError } from './errors.js';
import type { Parser, ParserOptions } from './parser.js';
import { describeSignature, survey, type Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import type { MapNote, UsedMap } from './usedmap.js';

/**
 * The content of files decides what is found at 16, 32 or 256 KiB of a volume and at its end. If exactly
 * one of the signatures is a file system that passes all its checks, and all others lie completely in
 * blocks that it has allocated to files, the others are file content: the result is that file system's
 * map, with a note that names them. Otherwise null: a signature in free space, in metadata or after the
 * file system's end may be a later owner.
 */
export async function mapOfOwner(
  reader: ByteReader,
  plausible: readonly Signature[],
  table: Readonly<Partial<Record<string, Parser>>>,
  options: ParserOptions,
): Promise<UsedMap | null> {
  const everywhere = await survey(reader);
  const owners: UsedMap[] = [];
  for (const candidate of plausible) {
    if (candidate.kind !== 'filesystem') continue;
    const parser = table[candidate.family];
    if (parser === undefined) continue;
    const map = await soundMap(reader, parser, options);
    const others = everywhere.filter(({ family }) => family !== candidate.family);
    if (map === null || !others.every((other) => isContent(map, other))) continue;
    owners.push({ ...map, notes: [...map.notes, ...others.map(contentNote)] });
  }
  const [owner] = owners;
  return owners.length === 1 ? (owner ?? null) : null;
}

async function soundMap(
  reader: ByteReader,
  parser: Parser,
  options: ParserOptions,
): Promise<UsedMap | null> {
  try {
    const map = await parser.parse(reader, options);
    return isSound(map) ? map : null;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return null;
  }
}

/** Whether no check failed: then no later owner of the volume has overwritten its structures. */
function isSound({ filesystem, ranges, crossCheck }: UsedMap): boolean {
  return (
    filesystem.state !== 'errors' &&
    filesystem.journal.state !== 'unfollowable' &&
    ranges.totals().unknown === 0 &&
    (crossCheck?.contradictedBytes ?? 0) === 0
  );
}

function isContent({ ranges }: UsedMap, { offsetBytes, lengthBytes }: Signature): boolean {
  const end = offsetBytes + lengthBytes;
  for (let position = offsetBytes; position < end;) {
    const { start, length, reason } = ranges.find(position);
    if (reason !== 'data') return false;
    position = start + length;
  }
  return true;
}

function contentNote(signature: Signature): MapNote {
  return {
    severity: 'info',
    code: 'SIGNATURE_IN_FILE',
    message: `${describeSignature(signature)} lies in blocks allocated to files, so it is file content`,
  };
}
