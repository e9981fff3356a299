/** Builds the tree from its leaves, left to right. Keeps one open node per level in memory. */

import { fanOut, topLevel } from './format.js';
import { encodeLeaf, leafDigest, type Grid, type ManifestCell } from './leaf.js';
import { encodeNode, nodeDigest, type Child } from './node.js';

/** Receives the blocks in the order of the file. */
export interface BlockSink {
  /** Where the next block will be written. */
  readonly offset: number;
  append(block: Buffer): Promise<void>;
}

interface OpenNode {
  index: number;
  children: Child[];
}

export class TreeWriter {
  readonly #grid: Grid;
  readonly #sink: BlockSink;
  /** By level, from 1; the leaves are never open. */
  readonly #open: (OpenNode | undefined)[] = [];

  constructor(grid: Grid, sink: BlockSink) {
    this.#grid = grid;
    this.#sink = sink;
  }

  /** Writes a leaf, all of its cells at once. Expected: leaves in ascending order. */
  async addLeaf(index: number, cells: readonly ManifestCell[]): Promise<void> {
    const { offset } = this.#sink;
    const block = encodeLeaf(this.#grid, index, cells, offset);
    await this.#sink.append(block);
    await this.#attach(1, {
      index,
      digest: leafDigest(this.#grid.algorithm, block),
      doubtful: cells.some(({ digest }) => digest === null),
      offset,
      lengthBytes: block.length,
    });
  }

  /** Writes the open nodes and returns the top node, which has no children if there are no leaves. */
  async finish(): Promise<Child> {
    this.#open[topLevel] ??= { index: 0, children: [] };
    for (let level = 1; level < topLevel; level++) await this.#close(level);
    return this.#write(topLevel, this.#open[topLevel]);
  }

  async #attach(level: number, child: Child): Promise<void> {
    const index = Math.floor(child.index / fanOut);
    let node = this.#open[level];
    if (node?.index !== index) {
      await this.#close(level);
      node = { index, children: [] };
      this.#open[level] = node;
    }
    node.children.push(child);
  }

  async #close(level: number): Promise<void> {
    const node = this.#open[level];
    if (node === undefined) return;
    this.#open[level] = undefined;
    await this.#attach(level + 1, await this.#write(level, node));
  }

  async #write(level: number, { index, children }: OpenNode): Promise<Child> {
    const { algorithm } = this.#grid;
    const { offset } = this.#sink;
    const block = encodeNode(algorithm, level, index, children, offset);
    await this.#sink.append(block);
    return {
      index,
      digest: nodeDigest(algorithm, block, children.length),
      doubtful: children.some(({ doubtful }) => doubtful),
      offset,
      lengthBytes: block.length,
    };
  }
}
