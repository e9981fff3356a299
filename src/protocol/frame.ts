/** Frames: the units on the wire between two hosts, each with a length, a kind and a checksum. */

import { addon } from '../engine/index.js';
import { protocolBroken } from './errors.js';

/**
 * The header of a frame, as defined in docs/protocol.md. Numbers are little-endian; the checksum is in
 * XXH3's canonical byte order.
 */
const headLayout = { lengthAt: 0, kindAt: 4, zeroAt: 5, checksumAt: 8, checksumBytes: 8 } as const;
export const frameHeadBytes = 16;

export const frameKinds = { control: 1, data: 2, heartbeat: 3 } as const;

export type FrameKind = keyof typeof frameKinds;

/** The largest payload. It limits what a peer can make this side allocate before any check. */
export const mostPayloadBytes: Readonly<Record<FrameKind, number>> = {
  control: 256 * 1024,
  data: 1024 * 1024,
  heartbeat: 0,
};

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Uint8Array;
}

const nameOfKind = new Map<number, FrameKind>(
  Object.entries(frameKinds).map(([name, kind]) => [kind, name as FrameKind]),
);

/** Encodes a frame. Throws RangeError if the payload is longer than its kind allows. */
export function encodeFrame({ kind, payload }: Frame, seed: bigint): Buffer {
  if (payload.length > mostPayloadBytes[kind]) {
    throw new RangeError(`Expected at most ${mostPayloadBytes[kind]} bytes, got ${payload.length}`);
  }
  const bytes = Buffer.alloc(frameHeadBytes + payload.length);
  bytes.writeUInt32LE(payload.length, headLayout.lengthAt);
  bytes.writeUInt8(frameKinds[kind], headLayout.kindAt);
  bytes.set(payload, frameHeadBytes);
  bytes.set(checksumOf(seed, bytes, payload), headLayout.checksumAt);
  return bytes;
}

/** Splits a stream of bytes into frames. It buffers at most one frame and one chunk of the stream. */
export class FrameDecoder {
  readonly #peer: string;
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  /** The checksum seed of the frames that follow. */
  seed = 0n;

  /** `peer`: the other side's name in errors. */
  constructor(peer: string) {
    this.#peer = peer;
  }

  /** Whether the stream may end here. */
  get isBetweenFrames(): boolean {
    return this.#heldBytes === 0;
  }

  /** Takes the next bytes, and yields the frames that they complete. Throws PROTOCOL_BROKEN. */
  *take(chunk: Uint8Array): Generator<Frame> {
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
    for (let frame = this.#next(); frame !== null; frame = this.#next()) yield frame;
  }

  #next(): Frame | null {
    if (this.#heldBytes < frameHeadBytes) return null;
    const head = this.#peek(frameHeadBytes);
    const length = head.readUInt32LE(headLayout.lengthAt);
    const kind = nameOfKind.get(head.readUInt8(headLayout.kindAt));
    if (kind === undefined) throw this.#broken(`a frame of unknown kind ${head[4] ?? 0}`);
    const isZero = head
      .subarray(headLayout.zeroAt, headLayout.checksumAt)
      .every((one) => one === 0);
    if (!isZero || length > mostPayloadBytes[kind]) {
      throw this.#broken(`a ${kind} frame that claims ${length} bytes`);
    }
    if (this.#heldBytes < frameHeadBytes + length) return null;
    const bytes = this.#cut(frameHeadBytes + length);
    const payload = bytes.subarray(frameHeadBytes);
    const { checksumAt, checksumBytes } = headLayout;
    const said = bytes.subarray(checksumAt, checksumAt + checksumBytes);
    if (!said.equals(checksumOf(this.seed, bytes, payload))) {
      throw this.#broken(`a ${kind} frame whose checksum is wrong`);
    }
    return { kind, payload };
  }

  /** Returns the first bytes without consuming them; merges the chunks that hold them. */
  #peek(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first === undefined || first.length < bytes) this.#chunks = [Buffer.concat(this.#chunks)];
    const [whole = Buffer.alloc(0)] = this.#chunks;
    return Buffer.from(whole.buffer, whole.byteOffset, bytes);
  }

  #cut(bytes: number): Buffer {
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks);
    const rest = all.subarray(bytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#heldBytes = rest.length;
    return Buffer.from(all.buffer, all.byteOffset, bytes);
  }

  #broken(what: string): Error {
    return protocolBroken(this.#peer, what);
  }
}

function checksumOf(seed: bigint, head: Uint8Array, payload: Uint8Array): Uint8Array {
  return addon().frameChecksum(seed, head.subarray(0, headLayout.checksumAt), payload);
}
