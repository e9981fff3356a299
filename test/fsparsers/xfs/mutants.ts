/**
 * Damaged and hostile variants of an XFS volume: structures are edited and their checksums mended,
 * so that a parser that trusts checksums is led astray.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { checksumOf } from '../../../fsparsers/xfs/bytes.js';
import type { Random } from '../../support/random.js';

/** A structure that a mutation may edit. */
export interface Structure {
  readonly name: string;
  readonly at: number;
  readonly lengthBytes: number;
  /** Where its checksum stands; null on v4. */
  readonly crcAt: number | null;
  /** Bytes at its head that hold single fields rather than records. */
  readonly fieldBytes: number;
}

/** A pristine volume in memory, with an inventory of its structures. */
export interface Pristine {
  readonly bytes: Uint8Array;
  readonly structures: readonly Structure[];
  readonly blockBytes: number;
  readonly agBlocks: number;
}

/** The pristine bytes with a few pieces replaced, and perhaps cut short. Reads outside are bugs. */
export class MutantReader implements ByteReader {
  readonly sizeBytes: number;
  readBytes = 0;
  readonly #bytes: Uint8Array;
  readonly #pieces: ReadonlyMap<number, Uint8Array>;

  constructor(
    bytes: Uint8Array,
    pieces: ReadonlyMap<number, Uint8Array>,
    sizeBytes = bytes.length,
  ) {
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.sizeBytes = sizeBytes;
  }

  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const end = offsetBytes + lengthBytes;
    if (!(offsetBytes >= 0 && lengthBytes >= 0 && end <= this.sizeBytes)) {
      return Promise.reject(new RangeError(`read of ${lengthBytes} bytes at ${offsetBytes}`));
    }
    this.readBytes += lengthBytes;
    const result = this.#bytes.slice(offsetBytes, end);
    for (const [at, piece] of this.#pieces) {
      const from = Math.max(at, offsetBytes);
      const to = Math.min(at + piece.length, end);
      if (from < to) result.set(piece.subarray(from - at, to - at), from - offsetBytes);
    }
    return Promise.resolve(result);
  }
}

const treeNames: ReadonlySet<string> = new Set([
  'by-block free space B+tree',
  'by-size free space B+tree',
  'inode B+tree',
  'free inode B+tree',
  'reverse mapping B+tree',
  'reference count B+tree',
]);

/** So many inodes are enough: more would drown the rest. */
const mostInodes = 24;
const mappingMagics: ReadonlySet<number> = new Set([0x424d4150, 0x424d4133]); // "BMAP", "BMA3"

/** Finds inodes in use, and the blocks of block-mapping trees. */
function owners(bytes: Uint8Array, map: UsedMap): Structure[] {
  const { blockBytes, sizeBytes, features } = map.filesystem;
  const isV5 = features.includes('v5');
  const inodeBytes = Number(map.filesystem.geometry['inode bytes']);
  const inodes: Structure[] = [];
  const mappings: Structure[] = [];
  for (let at = 0; at < sizeBytes; at += blockBytes) {
    const where = map.locate(at).replace(/^AG \d+ /, '');
    const place = { at, lengthBytes: blockBytes };
    if (where === 'data' && mappingMagics.has(viewOf(bytes).getUint32(at))) {
      const crcAt = isV5 ? 64 : null;
      mappings.push({ name: 'block map', ...place, crcAt, fieldBytes: isV5 ? 72 : 24 });
    }
    if (where !== 'inode chunk') continue;
    for (let inode = at; inode < at + blockBytes; inode += inodeBytes) {
      const isUsed = viewOf(bytes).getUint32(inode) % 0x10000 !== 0; // di_mode
      if (!isUsed) continue;
      const own = { at: inode, lengthBytes: inodeBytes };
      const crcAt = isV5 ? 100 : null;
      inodes.push({ name: 'inode', ...own, crcAt, fieldBytes: isV5 ? 176 : 100 });
    }
  }
  const step = Math.ceil(inodes.length / mostInodes);
  return [...inodes.filter((_, index) => index % step === 0 || index < 8), ...mappings];
}

/** Finds every header and B+tree block of a volume whose map is known to be right. */
export function inventory(bytes: Uint8Array, map: UsedMap): Pristine {
  const { blockBytes } = map.filesystem;
  const agBlocks = Number(map.filesystem.geometry['blocks per group']);
  const agCount = Number(map.filesystem.geometry['allocation groups']);
  const sectorBytes = Number(map.filesystem.geometry['sector bytes']);
  const isV5 = map.filesystem.features.includes('v5');
  const structures: Structure[] = [];
  const add = (
    name: string,
    at: number,
    lengthBytes: number,
    crcAt: number,
    fieldBytes: number,
  ) => {
    structures.push({ name, at, lengthBytes, crcAt: isV5 ? crcAt : null, fieldBytes });
  };
  for (let agno = 0; agno < agCount; agno++) {
    const base = agno * agBlocks * blockBytes;
    if (agno === 0) add('superblock', base, sectorBytes, 224, 264);
    add('AGF', base + sectorBytes, sectorBytes, 216, 96);
    add('AGI', base + 2 * sectorBytes, sectorBytes, 312, 340);
    add('AGFL', base + 3 * sectorBytes, sectorBytes, 32, 60);
  }
  for (let at = 0; at < map.filesystem.sizeBytes; at += blockBytes) {
    const name = map.locate(at).replace(/^AG \d+ /, '');
    if (treeNames.has(name)) add(name, at, blockBytes, 52, isV5 ? 56 : 16);
  }
  structures.push(...owners(bytes, map));
  return { bytes, structures, blockBytes, agBlocks };
}

/** A mutant with words for what was done to it. */
export interface Mutant {
  readonly what: string;
  readonly reader: MutantReader;
}

/** Edits one to three structures, their checksums mostly mended, or cuts the volume short. */
export function mutate(pristine: Pristine, random: Random): Mutant {
  if (random.next() < 0.03) return truncated(pristine, random);
  const pieces = new Map<number, Uint8Array>();
  const words: string[] = [];
  for (let edits = random.pick([1, 1, 1, 2, 3]); edits > 0; edits--) {
    const structure = random.pick(pristine.structures);
    const original = pieces.get(structure.at) ?? bytesOf(pristine, structure);
    const piece = original.slice();
    words.push(`${structure.name} at ${structure.at}: ${edit(pristine, structure, piece, random)}`);
    if (structure.crcAt !== null && random.next() < 0.9) mendChecksum(piece, structure.crcAt);
    pieces.set(structure.at, piece);
  }
  return { what: words.join('; '), reader: new MutantReader(pristine.bytes, pieces) };
}

function bytesOf({ bytes }: Pristine, { at, lengthBytes }: Structure): Uint8Array {
  return bytes.subarray(at, at + lengthBytes);
}

export function mendChecksum(piece: Uint8Array, crcAt: number): void {
  viewOf(piece).setUint32(crcAt, checksumOf(piece, crcAt), true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function truncated(pristine: Pristine, random: Random): Mutant {
  const { at, lengthBytes, name } = random.pick(pristine.structures);
  const sizeBytes = at + random.pick([0, 1, 4, lengthBytes - 1, lengthBytes]);
  const reader = new MutantReader(pristine.bytes, new Map(), sizeBytes);
  return { what: `cut short at ${sizeBytes}, in or behind the ${name}`, reader };
}

type Edit = (pristine: Pristine, structure: Structure, piece: Uint8Array, random: Random) => string;

const edits: readonly Edit[] = [
  function wildField({ agBlocks, blockBytes }, { fieldBytes }, piece, random) {
    const at = 4 * random.between(0, fieldBytes / 4);
    const before = viewOf(piece).getUint32(at);
    const around = [before + 1, before - 1, before * 2, before ^ (1 << random.between(0, 31))];
    const wild = [0, 1, 2, 0x7fffffff, 0xffffffff, agBlocks, agBlocks - 1, blockBytes, ...around];
    const value = random.pick(wild) >>> 0;
    viewOf(piece).setUint32(at, value);
    return `word at ${at} ${before} -> ${value}`;
  },
  function wildShort(_pristine, { fieldBytes }, piece, random) {
    const at = 2 * random.between(0, fieldBytes / 2);
    const before = viewOf(piece).getUint16(at);
    const value = random.pick([0, 1, 0xffff, 0x7fff, before + 1, before - 1]) & 0xffff;
    viewOf(piece).setUint16(at, value);
    return `short at ${at} ${before} -> ${value}`;
  },
  function recordWord(_pristine, { fieldBytes }, piece, random) {
    const at = fieldBytes + 4 * random.between(0, Math.min(60, (piece.length - fieldBytes) / 4));
    const before = viewOf(piece).getUint32(at);
    const value =
      random.pick([0, before + 1, before - 1, before + 8, before * 2, 0xffffffff]) >>> 0;
    viewOf(piece).setUint32(at, value);
    return `record word at ${at} ${before} -> ${value}`;
  },
  function pointer(pristine, { fieldBytes }, piece, random) {
    // Interior pointers lie behind the space for keys: cycles, shared blocks, foreign blocks.
    const target = random.pick(pristine.structures);
    const block = Math.floor(target.at / pristine.blockBytes) % pristine.agBlocks;
    const words = Math.floor((piece.length - fieldBytes) / 4);
    const used = Array.from({ length: words }, (_, index) => fieldBytes + 4 * index).filter(
      (place) => viewOf(piece).getUint32(place) !== 0,
    );
    const at = used.length === 0 ? fieldBytes : random.pick(used);
    viewOf(piece).setUint32(at, block);
    return `word at ${at} points to the ${target.name}, block ${block}`;
  },
  function dropRecords(_pristine, _structure, piece, random) {
    const at = 6;
    const before = viewOf(piece).getUint16(at);
    const value = random.between(0, before + 2);
    viewOf(piece).setUint16(at, value);
    return `${before} -> ${value} records`;
  },
  function transplant(pristine, structure, piece, random) {
    const donors = pristine.structures.filter((other) => other.lengthBytes === piece.length);
    const donor = random.pick(donors);
    const keep = piece.slice(16, Math.min(56, structure.fieldBytes));
    piece.set(bytesOf(pristine, donor));
    if (random.next() < 0.7) piece.set(keep, 16);
    return `content of the ${donor.name} at ${donor.at}`;
  },
  function noise(_pristine, _structure, piece, random) {
    const at = random.between(0, piece.length);
    const value = random.between(0, 256);
    piece[at] = value;
    return `byte ${at} -> ${value}`;
  },
];

function edit(pristine: Pristine, structure: Structure, piece: Uint8Array, random: Random): string {
  return random.pick(edits)(pristine, structure, piece, random);
}
