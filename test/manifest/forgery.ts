/** What somebody with the documentation in hand can do to a manifest's file. */

import { putChecksum } from '../../src/manifest/block.js';
import { algorithmIds, blockHeader, headerLayout, nodeHeader } from '../../src/manifest/format.js';
import { leafDigest } from '../../src/manifest/leaf.js';
import { nodeDigest, rootDigest } from '../../src/manifest/node.js';

export interface Block {
  readonly tag: string;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The blocks as they follow each other in the file. */
export function blocksOf(bytes: Buffer): [Block, ...Block[]] {
  const text = (tag: Uint8Array) => Buffer.from(tag).toString('latin1');
  const header = headerLayout.decode(bytes);
  const blocks: [Block, ...Block[]] = [
    { tag: text(header.tag), offset: 0, lengthBytes: header.lengthBytes },
  ];
  for (let offset = header.lengthBytes; offset < bytes.length;) {
    const { tag, lengthBytes } = blockHeader.decode(bytes, offset);
    blocks.push({ tag: text(tag), offset, lengthBytes });
    offset += lengthBytes;
  }
  return blocks;
}

/** Makes a changed block's checksum right again. */
export function reseal(bytes: Buffer, { offset, lengthBytes }: Block): void {
  putChecksum(bytes.subarray(offset, offset + lengthBytes), offset);
}

/**
 * Makes a manifest of SHA-256 right again from a changed leaf up to the root: whatever has the old
 * digest of it gets the new one.
 */
export function resign(bytes: Buffer, before: Buffer, leaf: Block): void {
  const blocks = blocksOf(before);
  let changed = leaf;
  let [old, now] = [before, bytes].map((file) => leafDigest('sha256', partOf(file, leaf))) as [
    Uint8Array,
    Uint8Array,
  ];
  for (;;) {
    reseal(bytes, changed);
    const holder = blocks.find(
      (block) => block.tag === 'NODE' && partOf(before, block).includes(Buffer.from(old)),
    );
    if (holder === undefined) break;
    const place = before.indexOf(old, holder.offset);
    Buffer.from(now).copy(bytes, place);
    const children = childrenOf(partOf(before, holder));
    [old, now] = [before, bytes].map((file) =>
      nodeDigest('sha256', partOf(file, holder), children),
    ) as [Uint8Array, Uint8Array];
    changed = holder;
  }
  const { cellBytes, deviceBytes } = headerLayout.decode(before);
  const grid = { algorithm: 'sha256', cellBytes, deviceBytes } as const;
  const root = rootDigest(grid, algorithmIds.sha256, now);
  Buffer.from(root).copy(bytes, headerLayout.fields.root[0]);
  reseal(bytes, blocks[0]);
}

function partOf(bytes: Buffer, { offset, lengthBytes }: Block): Buffer {
  return bytes.subarray(offset, offset + lengthBytes);
}

function childrenOf(node: Buffer): number {
  const { present } = nodeHeader.decode(node);
  return [...present].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
}
