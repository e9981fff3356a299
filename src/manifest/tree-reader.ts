/** Reads the tree of a manifest block by block, and checks every block before it is used. */

import type { FileHandle } from 'node:fs/promises';
import { inFlight } from '../in-flight.js';
import { withVolumeErrors } from '../volume/index.js';
import { hasValidChecksum, tagOf } from './block.js';
import { ManifestError } from './error.js';
import {
  algorithmIds,
  blockHeader,
  checksumBytes,
  fanOut,
  mostBlockBytes,
  topLevel,
  type BlockKind,
} from './format.js';
import type { StoredHeader } from './header.js';
import { decodeLeaf, leafDigest, type ManifestCell } from './leaf.js';
import { decodeNode, nodeDigest, rootDigest, type Child } from './node.js';

const windowBytes = 64 * 1024;

export interface Leaf {
  readonly index: number;
  readonly cells: readonly ManifestCell[];
}

/** A child of a node of `level + 1`. Only the top node has no digest; the root digest stands for it. */
export type Place = Omit<Child, 'digest' | 'doubtful'> & { readonly digest: Uint8Array | null };

export class TreeReader {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #header: StoredHeader;
  /** Neighbours in the tree are neighbours in the file. */
  #window = { offset: 0, bytes: Buffer.alloc(0) };
  blocksRead = 0;

  constructor(file: string, handle: FileHandle, header: StoredHeader) {
    this.#file = file;
    this.#handle = handle;
    this.#header = header;
  }

  get top(): Place {
    const { topOffset, topLengthBytes } = this.#header;
    return { index: 0, digest: null, offset: topOffset, lengthBytes: topLengthBytes };
  }

  /** The children of a node of `level`, 1 to 4. */
  async children(level: number, place: Place): Promise<readonly Child[]> {
    const { fail, block } = await this.#block(
      'node',
      `node ${place.index} of level ${level}`,
      place,
    );
    const { algorithm } = this.#header;
    const children = decodeNode(algorithm, level, block, fail);
    const digest = nodeDigest(algorithm, block, children.length);
    this.#checkDigest(level === topLevel ? null : place.digest, digest, fail);
    return children;
  }

  async leaf(place: Place): Promise<Leaf> {
    const { fail, block } = await this.#block('leaf', `leaf ${place.index}`, place);
    this.#checkDigest(place.digest, leafDigest(this.#header.algorithm, block), fail);
    return { index: place.index, cells: decodeLeaf(this.#header, block, fail) };
  }

  /** The leaves below a node, ascending, of those from `first` to `last`. */
  async *leaves(
    first = 0,
    last = Infinity,
    level = topLevel,
    place: Place = this.top,
  ): AsyncGenerator<Leaf> {
    if (level === 0) {
      yield await this.leaf(place);
      return;
    }
    const leavesEach = fanOut ** (level - 1);
    for (const child of await this.children(level, place)) {
      const from = child.index * leavesEach;
      if (from <= last && from + leavesEach > first) {
        yield* this.leaves(first, last, level - 1, child);
      }
    }
  }

  /** No block has the digest of the top node; the root digest in the header covers it. */
  #checkDigest(expected: Uint8Array | null, digest: Uint8Array, fail: (what: string) => never) {
    if (expected === null) {
      const root = rootDigest(this.#header, algorithmIds[this.#header.algorithm], digest);
      if (Buffer.from(root).toString('hex') !== this.#header.root) {
        fail('does not match the root in the header');
      }
    } else if (!Buffer.from(digest).equals(expected)) {
      fail('does not match its digest in the parent node');
    }
  }

  async #block(kind: BlockKind, name: string, { index, offset, lengthBytes }: Place) {
    const fail = (what: string): never => {
      throw new ManifestError(this.#file, name, offset, what);
    };
    const least = blockHeader.sizeBytes + checksumBytes;
    if (lengthBytes < least || lengthBytes > mostBlockBytes) {
      fail(`has the impossible length of ${lengthBytes} bytes`);
    }
    if (!(offset + lengthBytes <= this.#header.fileBytes)) fail('lies outside the file');
    const block = await this.#read(offset, lengthBytes);
    if (block.length < lengthBytes) fail('is cut off');
    if (!hasValidChecksum(block, offset)) fail('does not match its checksum');
    const header = blockHeader.decode(block);
    if (!tagOf(kind).equals(header.tag)) fail(`is not a ${kind}`);
    if (header.lengthBytes !== lengthBytes) fail(`says that it has ${header.lengthBytes} bytes`);
    if (header.index !== index) fail(`says that it is number ${header.index}`);
    this.blocksRead++;
    return { fail, block };
  }

  async #read(offset: number, lengthBytes: number): Promise<Buffer> {
    const within = (window: { offset: number; bytes: Buffer }) => {
      const at = offset - window.offset;
      return at >= 0 && at + lengthBytes <= window.bytes.length
        ? window.bytes.subarray(at, at + lengthBytes)
        : null;
    };
    const known = within(this.#window);
    if (known !== null) return known;
    const wanted = Math.max(windowBytes, lengthBytes);
    const buffer = Buffer.allocUnsafe(Math.min(wanted, this.#header.fileBytes - offset));
    const got = await withVolumeErrors(this.#file, () =>
      inFlight(this.#file, () => readAll(this.#handle, buffer, offset)),
    );
    const window = { offset, bytes: buffer.subarray(0, got) };
    this.#window = window;
    return within(window) ?? window.bytes;
  }
}

/** Reads until `buffer` is full or the file ends; returns bytes. */
export async function readAll(
  handle: FileHandle,
  buffer: Buffer,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
