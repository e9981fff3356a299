/** Finds line and column of a value in the file, for every problem's message. */

import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node } from 'yaml';

/** Steps to a value, from the top: ["pairs", "web", "bwlimit"]. */
export type Path = readonly PropertyKey[];

export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Without a full stop. */
  readonly sentence: string;
}

export class Places {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  /** A problem with the value at `path`, or with its nearest parent if there is no such value. */
  atValue(path: Path, sentence: string): Problem {
    let node: Node | null = this.#document.contents;
    let found = node;
    for (const [depth, step] of path.entries()) {
      const [key, value] = this.#entry(node, step);
      if (key === null && value === null) break;
      found = value ?? key ?? found;
      // Report a missing key at the name of the mapping that lacks it.
      if (depth < path.length - 1 && isMap(value) && key !== null) found = key;
      node = value;
    }
    return this.#at(found, sentence);
  }

  /** A problem with the key itself. */
  atKey(path: Path, key: PropertyKey, sentence: string): Problem {
    let node: Node | null = this.#document.contents;
    for (const step of path) node = this.#entry(node, step)[1];
    return this.#at(this.#entry(node, key)[0] ?? node, sentence);
  }

  atOffset(offset: number, sentence: string): Problem {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), sentence };
  }

  /** The key's node and the value's in a mapping; the item alone in a list. */
  #entry(parent: Node | null, step: PropertyKey): readonly [Node | null, Node | null] {
    const node = (value: unknown) => (isNode(value) ? value : null);
    if (isSeq(parent)) return [null, node(parent.items[Number(step)])];
    if (!isMap(parent)) return [null, null];
    const wanted = String(step);
    const item = parent.items.find(({ key }) => isScalar(key) && String(key.value) === wanted);
    return [node(item?.key), node(item?.value)];
  }

  #at(node: Node | null, sentence: string): Problem {
    return this.atOffset(node?.range?.[0] ?? 0, sentence);
  }
}
