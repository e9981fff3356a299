/** An inner node of the tree: the digests of its children, and where they lie in the file. */

import type { DigestAlgorithm } from '../engine/index.js';
import { bitmapOf, bitsOf, hasBit, isWithin } from './bitmap.js';
import { putChecksum, tagOf } from './block.js';
import {
  checksumBytes,
  childPlace,
  digestBytes,
  domains,
  encode,
  fanOut,
  nodeHeader,
} from './format.js';
import { hashIn } from './hashes.js';

/** A node's entry for one child. */
export interface Child {
  /** The block's index in its level. */
  readonly index: number;
  readonly digest: Uint8Array;
  /** The block or one of its descendants has a cell without a digest. */
  readonly doubtful: boolean;
  readonly offset: number;
  readonly lengthBytes: number;
}

const hashedFrom = 8;

/** The digest of a node in the tree. The places of its children are not part of it. */
export function nodeDigest(
  algorithm: DigestAlgorithm,
  block: Uint8Array,
  children: number,
): Uint8Array {
  const hashedTo = nodeHeader.sizeBytes + children * digestBytes[algorithm];
  return hashIn(algorithm, domains.node, block.subarray(hashedFrom, hashedTo));
}

/** The root digest: of the grid and of the tree's top. */
export function rootDigest(
  grid: { algorithm: DigestAlgorithm; cellBytes: number; deviceBytes: number },
  algorithmId: number,
  top: Uint8Array,
): Uint8Array {
  const numbers = Buffer.alloc(24);
  for (const [place, value] of [algorithmId, grid.cellBytes, grid.deviceBytes].entries()) {
    numbers.writeBigUInt64LE(BigInt(value), 8 * place);
  }
  return hashIn(grid.algorithm, domains.root, numbers, top);
}

/** Encodes a node as the block at `offsetBytes` of the file. */
export function encodeNode(
  algorithm: DigestAlgorithm,
  level: number,
  index: number,
  children: readonly Child[],
  offsetBytes: number,
): Buffer {
  const width = digestBytes[algorithm];
  const placesAt = nodeHeader.sizeBytes + children.length * width;
  const block = Buffer.alloc(placesAt + children.length * childPlace.sizeBytes + checksumBytes);
  const bits = (some: readonly Child[]) => bitmapOf(some.map((child) => child.index % fanOut));
  const header = {
    tag: tagOf('node'),
    lengthBytes: block.length,
    index,
    level,
    padding: new Uint8Array(7),
    present: bits(children),
    doubtful: bits(children.filter(({ doubtful }) => doubtful)),
  };
  encode(nodeHeader, header, block);
  for (const [place, child] of children.entries()) {
    block.set(child.digest, nodeHeader.sizeBytes + place * width);
    encode(childPlace, child, block, placesAt + place * childPlace.sizeBytes);
  }
  return putChecksum(block, offsetBytes);
}

/** Decodes the children of a node. Calls `fail`, which must throw, where the block contradicts itself. */
export function decodeNode(
  algorithm: DigestAlgorithm,
  level: number,
  block: Buffer,
  fail: (what: string) => never,
): Child[] {
  if (block.length < nodeHeader.sizeBytes + checksumBytes) fail('is too short for a node');
  const header = nodeHeader.decode(block);
  const bits = bitsOf(header.present);
  const width = digestBytes[algorithm];
  const placesAt = nodeHeader.sizeBytes + bits.length * width;
  const lengthBytes = placesAt + bits.length * childPlace.sizeBytes + checksumBytes;
  if (block.length !== lengthBytes) fail(`has ${block.length} bytes where ${lengthBytes} belong`);
  if (header.level !== level) fail(`says that it is of level ${header.level}`);
  if (!isWithin(header.doubtful, header.present)) fail('describes children that it does not have');
  return bits.map((bit, place) => {
    const at = nodeHeader.sizeBytes + place * width;
    return {
      index: header.index * fanOut + bit,
      digest: block.subarray(at, at + width),
      doubtful: hasBit(header.doubtful, bit),
      ...childPlace.decode(block, placesAt + place * childPlace.sizeBytes),
    };
  });
}
