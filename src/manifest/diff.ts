/** Compares two manifests from the root down; a subtree with the same digest on both sides is not read. */

import { ExtentBuilder, type ExtentList, intersect, subtract, union } from '../region/index.js';
import { unsuitable } from './error.js';
import { topLevel } from './format.js';
import type { ManifestCell } from './leaf.js';
import type { Manifest } from './manifest.js';
import type { Child } from './node.js';
import type { Place } from './tree-reader.js';

export interface ManifestDifference {
  /** Both manifests cover it, and the digests of the cells differ. */
  readonly differentRanges: ExtentList;
  /**
   * Both manifests cover it, but one could not read the cell, or they cover different bytes of it: the
   * digests prove nothing about the bytes that both cover.
   */
  readonly notProvenRanges: ExtentList;
  readonly onlyInA: ExtentList;
  readonly onlyInB: ExtentList;
  /** How many blocks of the two files were read. */
  readonly nodesRead: number;
}

/** Rejects with FastsyncError (MANIFESTS_DIFFER_IN_KIND) where they have no digests to compare. */
export async function diffManifests(a: Manifest, b: Manifest): Promise<ManifestDifference> {
  for (const name of ['algorithm', 'cellBytes'] as const) {
    if (a.header[name] === b.header[name]) continue;
    throw unsuitable(
      'MANIFESTS_DIFFER_IN_KIND',
      `${a.file} has ${name} ${a.header[name]} and ${b.file} has ${b.header[name]}: they cannot be compared`,
      'write one of them again with the settings of the other',
    );
  }
  const readBefore = a.tree.blocksRead + b.tree.blocksRead;
  const comparison = new TreeComparison(a, b);
  await comparison.compare(topLevel, a.tree.top, b.tree.top);
  return {
    ...comparison.finish(),
    nodesRead: a.tree.blocksRead + b.tree.blocksRead - readBefore,
  };
}

class TreeComparison {
  readonly #a: Manifest;
  readonly #b: Manifest;
  readonly #different = new ExtentBuilder();
  readonly #notProven = new ExtentBuilder();
  readonly #onlyInA = new ExtentBuilder();
  readonly #onlyInB = new ExtentBuilder();

  constructor(a: Manifest, b: Manifest) {
    this.#a = a;
    this.#b = b;
  }

  finish(): Omit<ManifestDifference, 'nodesRead'> {
    return {
      differentRanges: this.#different.finish(),
      notProvenRanges: this.#notProven.finish(),
      onlyInA: this.#onlyInA.finish(),
      onlyInB: this.#onlyInB.finish(),
    };
  }

  async compare(level: number, a: Place | null, b: Place | null): Promise<void> {
    if (level === 0) {
      const left = a === null ? [] : (await this.#a.tree.leaf(a)).cells;
      const right = b === null ? [] : (await this.#b.tree.leaf(b)).cells;
      for (const [one, other] of pairsOf(left, right, ({ cell }) => cell)) this.#cells(one, other);
      return;
    }
    const left = a === null ? [] : await this.#a.tree.children(level, a);
    const right = b === null ? [] : await this.#b.tree.children(level, b);
    for (const [one, other] of pairsOf(left, right, ({ index }) => index)) {
      if (!isProvenEqual(one, other)) await this.compare(level - 1, one, other);
    }
  }

  #cells(a: ManifestCell | null, b: ManifestCell | null): void {
    const left = a?.coverage ?? new Float64Array(0);
    const right = b?.coverage ?? new Float64Array(0);
    add(this.#onlyInA, subtract(left, right));
    add(this.#onlyInB, subtract(right, left));
    const both = intersect(left, right);
    const isComparable = union(left, right).every((number, index) => number === both[index]);
    if (!isComparable || a?.digest == null || b?.digest == null) add(this.#notProven, both);
    else if (!Buffer.from(a.digest).equals(b.digest)) add(this.#different, both);
  }
}

function isProvenEqual(a: Child | null, b: Child | null): boolean {
  if (a === null || b === null || a.doubtful || b.doubtful) return false;
  return Buffer.from(a.digest).equals(b.digest);
}

/** Merges two ascending lists: entries with the same number come as a pair. */
function* pairsOf<T>(
  left: readonly T[],
  right: readonly T[],
  numberOf: (item: T) => number,
): Generator<[T | null, T | null]> {
  let i = 0;
  let j = 0;
  for (
    let a = left[i], b = right[j];
    a !== undefined || b !== undefined;
    a = left[i], b = right[j]
  ) {
    const x = a === undefined ? Infinity : numberOf(a);
    const y = b === undefined ? Infinity : numberOf(b);
    yield [x <= y ? (a ?? null) : null, y <= x ? (b ?? null) : null];
    if (x <= y) i++;
    if (y <= x) j++;
  }
}

function add(builder: ExtentBuilder, extents: ExtentList): void {
  for (let i = 0; i < extents.length; i += 2) {
    const start = extents[i] as number;
    builder.add(start, start + (extents[i + 1] as number));
  }
}
