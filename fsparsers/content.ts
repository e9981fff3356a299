/** Several signatures on one volume: which is the file system's own, and which are content of its files. */

import { ParseError } from './errors.js';
import type { Parser, ParserOptions } from './parser.js';
import { describeSignature, survey, type Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import type { MapNote, UsedMap } from './usedmap.js';

/**
 * What a user stores decides what stands at 16, 32 or 256 KiB of a volume, and at its end. Where
 * exactly one of the signatures is a file system that passes all of its checks, and every other one lies
 * wholly in blocks that it has allocated to files, those are content: the map is that file system's, and
 * a note names them. Null where it is not so: in its free space, in its metadata or behind its end may
 * be what came after it.
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

/** Nothing of it failed a check: then a later owner of the volume has not written over its structures. */
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
    message: `${describeSignature(signature)} lies in blocks that the file system has allocated to files: it is their content`,
  };
}
