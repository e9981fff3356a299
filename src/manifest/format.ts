/** The manifest's format, declared once: docs/manifest.md says the same in words. */

import { type Fields, layout } from '../../fsparsers/layout.js';
import { digestBytes, type DigestAlgorithm } from '../engine/index.js';

/** What every manifest begins with. */
export const magic = 'fastsync-digests';
/** Goes up when an older reader would misread what is there. */
export const version = 1;

/** As the header numbers them. */
export const algorithmIds: Readonly<Record<DigestAlgorithm, number>> = {
  'xxh3-128': 1,
  xxh64: 2,
  sha256: 3,
};

export { digestBytes };

/** Children of a node, cells of a leaf. */
export const fanOut = 256;
export const bitmapBytes = fanOut / 8;
/** Level 0 are the leaves. Five levels of 256 hold every cell below 2^53 bytes. */
export const topLevel = 4;

/** Whatever a length says, no block is longer: memory is bounded before it is taken. */
export const mostBlockBytes = 64 * 1024 * 1024;
/** The XXH64 at each block's end. */
export const checksumBytes = 8;

/** Each is hashed before what it names, so that one kind's bytes never pass for another's. */
export const domains = {
  leaf: 'fastsync leaf 1\n',
  node: 'fastsync node 1\n',
  root: 'fastsync root 1\n',
} as const;

export const blockTags = { header: 'HEAD', node: 'NODE', leaf: 'LEAF' } as const;
export type BlockKind = keyof typeof blockTags;

/** At the beginning of every block but the header, which has the magic before it. */
export const blockHead = layout('little', {
  tag: [0, 'bytes:4'],
  lengthBytes: [4, 'u32'],
  /** Of the block among those of its level: its first cell is `index * 256^(level + 1)`. */
  index: [8, 'u64'],
});

/** Up to the texts: type, UUID and label of the file system, and the volume's path. */
export const headerHead = layout('little', {
  magic: [0, 'bytes:16'],
  tag: [16, 'bytes:4'],
  lengthBytes: [20, 'u32'],
  version: [24, 'u16'],
  algorithm: [26, 'u8'],
  /** Whether free space was held against who owns blocks, see header.ts; 0: not recorded. */
  crossCheck: [27, 'u8'],
  textBytes: [28, 'u32'],
  fileBytes: [32, 'u64'],
  deviceBytes: [40, 'u64'],
  cellBytes: [48, 'u64'],
  createdMs: [56, 'u64'],
  coveredBytes: [64, 'u64'],
  coveredCells: [72, 'u64'],
  unprovenBytes: [80, 'u64'],
  topOffset: [88, 'u64'],
  topLengthBytes: [96, 'u32'],
  /** What was free and owned nevertheless, in KiB, rounded up. */
  contradictedKiB: [100, 'u32'],
  /** Of the manifest's algorithm; what it does not fill is zero. */
  root: [104, 'bytes:32'],
});

/** Then the runs of the cells that are not whole, then the digests of those that are proven. */
export const leafHead = layout('little', {
  ...blockHead.fields,
  /** A bit for each cell, the lowest first: something of it is covered. */
  present: [16, `bytes:${bitmapBytes}`],
  /** All of it is covered. */
  whole: [48, `bytes:${bitmapBytes}`],
  /** It was read and has a digest. */
  proven: [80, `bytes:${bitmapBytes}`],
  runBytes: [112, 'u32'],
});

/** Then the children's digests, then where they lie. */
export const nodeHead = layout('little', {
  ...blockHead.fields,
  level: [16, 'u8'],
  padding: [17, 'bytes:7'],
  present: [24, `bytes:${bitmapBytes}`],
  /** Below this child is a cell without a digest. */
  doubtful: [56, `bytes:${bitmapBytes}`],
});

/** One for each child of a node, behind the digests. Not part of what is hashed. */
export const childPlace = layout('little', {
  offset: [0, 'u64'],
  lengthBytes: [8, 'u32'],
});

type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K][1] extends `bytes:${number}` ? Uint8Array : number;
};

/** Writes a structure's fields into `bytes` at `at`. */
export function encode<F extends Fields>(
  { fields }: { readonly fields: F },
  values: Values<F>,
  bytes: Buffer,
  at = 0,
): void {
  for (const [name, [offset, type]] of Object.entries(fields)) {
    const value: number | Uint8Array | undefined = values[name];
    if (typeof value === 'number') {
      if (type === 'u64') bytes.writeBigUInt64LE(BigInt(value), at + offset);
      else bytes.writeUIntLE(value, at + offset, Number(type.slice(1)) / 8);
    } else if (value !== undefined) {
      bytes.set(value, at + offset);
    }
  }
}
