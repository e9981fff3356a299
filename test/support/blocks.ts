/** Frames of blocks as docs/protocol.md has them, right and wrong ones. */

import { addon } from '../../src/engine/addon.js';

export interface Block {
  readonly op: number;
  readonly errnum?: number;
  readonly tag?: bigint;
  readonly offset?: bigint;
  readonly length?: bigint;
  readonly data?: Uint8Array;
  /** Of the frame: 4 unless told otherwise. */
  readonly kind?: number;
  /** Of the payload; what it is unless told otherwise. */
  readonly payloadBytes?: number;
}

const headBytes = 16;
const blockBytes = 32;

/** A frame with a right checksum. */
export function blockFrame(block: Block, seed: bigint): Buffer {
  const { op, errnum = 0, tag = 0n, offset = 0n, length = 0n, data = Buffer.alloc(0) } = block;
  const payload = Buffer.alloc(blockBytes + data.length);
  payload.writeUInt8(op, 0);
  payload.writeUInt32LE(errnum, 4);
  payload.writeBigUInt64LE(tag, 8);
  payload.writeBigUInt64LE(offset, 16);
  payload.writeBigUInt64LE(length, 24);
  payload.set(data, blockBytes);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(block.payloadBytes ?? payload.length, 0);
  head.writeUInt8(block.kind ?? 4, 4);
  head.set(addon().frameChecksum(seed, head.subarray(0, 8), payload), 8);
  return Buffer.concat([head, payload]);
}

/** What a frame says. */
function blockOf(frame: Buffer): Required<Omit<Block, 'kind' | 'payloadBytes'>> {
  return {
    op: frame.readUInt8(16),
    errnum: frame.readUInt32LE(20),
    tag: frame.readBigUInt64LE(24),
    offset: frame.readBigUInt64LE(32),
    length: frame.readBigUInt64LE(40),
    data: frame.subarray(48),
  };
}

type Seal = (block: Block) => Buffer;

/** What becomes of an answer; null: nothing more is ever said. */
const forge = <Name extends string>(
  all: Record<Name, (frame: Buffer, seal: Seal) => Buffer[] | null>,
) => all;

export const forgeries = forge({
  'an unknown tag': (frame, seal) => [seal({ ...blockOf(frame), tag: 2n ** 63n })],
  'an answer twice': (frame) => [frame, frame],
  'data that nobody asked for': (frame, seal) => {
    const block = blockOf(frame);
    return [seal({ ...block, data: Buffer.concat([block.data, Buffer.alloc(16)]) })];
  },
  'a MiB that nobody asked for': (frame, seal) => [
    seal({ ...blockOf(frame), data: Buffer.alloc(2 ** 20, 1) }),
  ],
  'a longer range': (frame, seal) => [seal({ ...blockOf(frame), length: 2n ** 64n - 1n })],
  'another place': (frame, seal) => [seal({ ...blockOf(frame), offset: 2n ** 64n - 4096n })],
  'a failure with data': (frame, seal) => [
    seal({ ...blockOf(frame), errnum: 5, data: Buffer.alloc(512) }),
  ],
  'no such error': (frame, seal) => [
    seal({ ...blockOf(frame), errnum: 2 ** 31 + 5, data: Buffer.alloc(0) }),
  ],
  'a request': (frame, seal) => [seal({ ...blockOf(frame), op: 1 })],
  'no such operation': (frame, seal) => [seal({ ...blockOf(frame), op: 255 })],
  'a message': (_, seal) => [seal({ op: 9, kind: 1 })],
  'no such frame': (_, seal) => [seal({ op: 9, kind: 77 })],
  'a frame of 4 GiB': (_, seal) => [seal({ op: 9, payloadBytes: 2 ** 32 - 1 })],
  'a frame without a block': (_, seal) => [seal({ op: 9, payloadBytes: 31 })],
  'half a frame': (frame) => [frame.subarray(0, 20)],
  silence: () => null,
});

export type Forgery = keyof typeof forgeries;
