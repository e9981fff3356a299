/** Maps a volume: identifies it, selects its parser, and handles volumes without one. */

import { mapOfOwner } from './content.js';
import { ParseError } from './errors.js';
import { diskParser } from './disk/index.js';
import { extParser } from './ext/index.js';
import { ntfsParser } from './ntfs/index.js';
import type { Parser, ParserOptions } from './parser.js';
import { decide, probe, type Signature } from './probe.js';
import type { ByteReader } from './reader.js';
import type { MapNote, UsedMap } from './usedmap.js';
import { unionOf } from './union.js';
import { suspendedType } from './signatures/swap.js';
import { badPages } from './swappages.js';
import { swapMap, wholeMap } from './whole.js';
import { xfsParser } from './xfs/index.js';

export { ParseError } from './errors.js';
export {
  describeSignature,
  everySignature,
  type PlacedSignature,
  probe,
  type Signature,
} from './probe.js';
export { freezeTraces } from './freeze-traces.js';
export { type ByteReader, SubReader } from './reader.js';
export { RangeTable } from './rangetable.js';
export { isUsed, type Reason } from './reason.js';
export type { Extent } from './extents.js';
export type { Filesystem, Hazard, UsedMap } from './usedmap.js';

/**
 * The parsers for the content of one volume. A partition table inside a partition is not a disk: its
 * bytes count as used.
 */
const volumeParsers: readonly Parser[] = [extParser, xfsParser, ntfsParser];

/** All parsers. */
const parserList: readonly Parser[] = [
  ...volumeParsers,
  diskParser((partition, options) =>
    mapVolume(partition, { ...options, parsers: byFamily(volumeParsers) }),
  ),
];

type ParserTable = Readonly<Partial<Record<string, Parser>>>;

/** Parsers by the family that probe() names. */
export const parsers: ParserTable = byFamily(parserList);

function byFamily(list: readonly Parser[]): ParserTable {
  return Object.fromEntries(list.map((parser) => [parser.family, parser]));
}

export interface MapOptions extends ParserOptions {
  /**
   * What the user says that the volume is: the family of a parser, `whole` for every byte, or `union` for
   * all ranges that any of its plausible signatures uses. By default the volume must have exactly one
   * plausible signature.
   */
  readonly as?: string;
  /** The parsers to choose from; default: all. */
  readonly parsers?: ParserTable;
}

/**
 * Maps a volume. Rejects with ParseError: AMBIGUOUS and NOT_RECOGNISED as identify() does, UNSUPPORTED
 * if `as` names no parser, and as the parser does. What is recognised but has no parser is used whole,
 * and a note says so.
 */
export async function mapVolume(reader: ByteReader, options: MapOptions = {}): Promise<UsedMap> {
  const { as, parsers: table = parsers, ...parserOptions } = options;
  if (as === 'whole') {
    // The signature is only for the name: a volume used as a whole need not even be readable
    // everywhere.
    const signatures = await probe(reader).catch((): Signature[] => []);
    parserOptions.signal?.throwIfAborted();
    return wholeMap(reader, onlyPlausible(signatures));
  }
  if (as !== undefined && as !== 'union') {
    return parserFor(as, table).parse(reader, { ...parserOptions, isInsistent: true });
  }
  const signatures = await probe(reader);
  parserOptions.signal?.throwIfAborted();
  const plausible = signatures.filter(({ doubt }) => doubt === null);
  if (as !== 'union' && plausible.length > 1) {
    const map = await mapOfOwner(reader, plausible, table, parserOptions);
    if (map !== null) return map;
  }
  if (as !== 'union' || plausible.length < 2) {
    return mapSigned(reader, decide(signatures), table, parserOptions);
  }
  const maps: UsedMap[] = [];
  for (const signature of plausible)
    maps.push(await mapOrWhole(reader, signature, table, parserOptions));
  return unionOf(maps);
}

/** Of several signatures, one may be damaged: its map then uses every byte. */
async function mapOrWhole(
  reader: ByteReader,
  signature: Signature,
  table: ParserTable,
  options: ParserOptions,
): Promise<UsedMap> {
  try {
    return await mapSigned(reader, signature, table, options);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { message } = error;
    return wholeMap(reader, signature, [{ severity: 'warning', code: 'USED_WHOLE', message }]);
  }
}

/** Maps a volume by a signature that is taken as correct. */
async function mapSigned(
  reader: ByteReader,
  signature: Signature,
  table: ParserTable,
  options: ParserOptions,
): Promise<UsedMap> {
  if (signature.family === 'swap') return mapSwap(reader, signature, options);
  const parser = signature.kind === 'journal' ? undefined : table[signature.family];
  return parser === undefined
    ? wholeMap(reader, signature, [usedWhole(signature)])
    : parser.parse(reader, options);
}

function onlyPlausible(signatures: readonly Signature[]): Signature | null {
  const plausible = signatures.filter(({ doubt }) => doubt === null);
  return plausible.length === 1 ? (plausible[0] ?? null) : null;
}

function parserFor(family: string, table: ParserTable): Parser {
  const parser = table[family];
  if (parser !== undefined) return parser;
  const known = [...Object.keys(table), 'whole'].join(', ');
  throw new ParseError('UNSUPPORTED', `no parser is called "${family}"; there are: ${known}`, {
    structure: 'volume',
    offsetBytes: 0,
  });
}

async function mapSwap(
  reader: ByteReader,
  signature: Signature,
  { swap = 'whole' }: ParserOptions,
): Promise<UsedMap> {
  const isAsleep = signature.type === suspendedType;
  const isUsed = isAsleep || swap === 'whole';
  const note = isAsleep && swap === 'header' ? hibernated(signature) : usedWhole(signature);
  const bad = await badPages(reader, signature);
  return swapMap(reader, signature, isUsed ? [note] : [], isUsed, bad);
}

function hibernated({ type }: Signature): MapNote {
  return {
    severity: 'warning',
    code: 'SWAP_HIBERNATED',
    message: `the swap space holds the memory of a hibernated system (${type}): all of it counts as used, although only its header was requested`,
  };
}

function usedWhole({ type }: Signature): MapNote {
  return {
    severity: 'info',
    code: 'USED_WHOLE',
    message: `${type} is recognised but not parsed: every byte counts as used`,
  };
}
