/** The manifest's format. docs/manifest.md describes it in words. */

import { type Fields, layout } from '../../fsparsers/layout.js';
import { digestBytes, type DigestAlgorithm } from '../engine/index.js';

/** The first bytes of every manifest. */
export const magic = 'fastsync-digests';
/** Increases when an older reader would misread the file. */
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

/** The longest block. A block that claims more is refused before memory is allocated for it. */
export const mostBlockBytes = 64 * 1024 * 1024;
/** The XXH64 at each block's end. */
export const checksumBytes = 8;

/** Hashed before the bytes of a block, so that a block of one kind never passes for another kind. */
export const domains = {
  leaf: 'fastsync leaf 1\n',
  node: 'fastsync node 1\n',
  root: 'fastsync root 1\n',
} as const;

export const blockTags = { header: 'HEAD', node: 'NODE', leaf: 'LEAF' } as const;
export type BlockKind = keyof typeof blockTags;

/** At the beginning of every block but the header, which has the magic before it. */
export const blockHeader = layout('little', {
  tag: [0, 'bytes:4'],
  lengthBytes: [4, 'u32'],
  /** The block's index in its level: its first cell is `index * 256^(level + 1)`. */
  index: [8, 'u64'],
});

/** The header before its texts: type, UUID and label of the file system, and the volume's path. */
export const headerLayout = layout('little', {
  magic: [0, 'bytes:16'],
  tag: [16, 'bytes:4'],
  lengthBytes: [20, 'u32'],
  version: [24, 'u16'],
  algorithm: [26, 'u8'],
  /** Whether free space was checked against the owners of blocks, see header.ts; 0: not recorded. */
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
  /** Free bytes that an owner claimed, in KiB, rounded up. */
  contradictedKiB: [100, 'u32'],
  /** A digest by the manifest's algorithm, padded with zeroes. */
  root: [104, 'bytes:32'],
});

/** A leaf's fixed part. The runs of cells that are not whole follow, then the digests of proven cells. */
export const leafHeader = layout('little', {
  ...blockHeader.fields,
  /** One bit for each cell, the lowest first: the manifest covers part of it. */
  present: [16, `bytes:${bitmapBytes}`],
  /** The manifest covers all of it. */
  whole: [48, `bytes:${bitmapBytes}`],
  /** The cell was read and has a digest. */
  proven: [80, `bytes:${bitmapBytes}`],
  runBytes: [112, 'u32'],
});

/** A node's fixed part. The children's digests follow, then their places. */
export const nodeHeader = layout('little', {
  ...blockHeader.fields,
  level: [16, 'u8'],
  padding: [17, 'bytes:7'],
  present: [24, `bytes:${bitmapBytes}`],
  /** A cell below this child has no digest. */
  doubtful: [56, `bytes:${bitmapBytes}`],
});

/** The place of one child of a node. Places follow the digests, and are not hashed. */
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
