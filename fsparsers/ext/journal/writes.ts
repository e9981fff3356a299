/**
 * The writes that the log's tags request, in the log's order: block `source` of the log goes to block
 * `target`.
 */

/**
 * Limits above any real log, against forged ones. The first limits memory, at about 60 bytes per block,
 * the second limits time.
 */
const maxLoggedBlocks = 1 << 21;
const maxLoggedBytes = 8 * 2 ** 30;

/** The most blocks that a log may request; a log with more is not replayed. */
export function maxLoggedWrites(blockBytes: number): number {
  return Math.min(maxLoggedBlocks, maxLoggedBytes / blockBytes);
}

export interface LoggedWrite {
  /** File system block. */
  readonly target: number;
  /** Block of the log that holds the contents. */
  readonly source: number;
  /** The transaction. */
  readonly sequence: number;
  /** As the tag gives it, with versions 2 (16 bits) and 3 (32 bits). */
  readonly checksum: number;
  /** The first four bytes were the journal's magic and are zero in the log. */
  readonly escaped: boolean;
}

export class LoggedWrites {
  #targets = new Float64Array(64);
  /** Three numbers a write: source, sequence, checksum. */
  #details = new Uint32Array(3 * 64);
  #escaped = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(write: LoggedWrite): void {
    if (this.#length === this.#targets.length) this.#grow();
    const index = this.#length++;
    this.#targets[index] = write.target;
    this.#details.set([write.source, write.sequence, write.checksum], 3 * index);
    this.#escaped[index] = write.escaped ? 1 : 0;
  }

  at(index: number): LoggedWrite {
    if (index >= this.#length) throw new RangeError(`no write ${index} of ${this.#length}`);
    return {
      target: this.#targets[index] as number,
      source: this.#details[3 * index] as number,
      sequence: this.#details[3 * index + 1] as number,
      checksum: this.#details[3 * index + 2] as number,
      escaped: this.#escaped[index] === 1,
    };
  }

  /** Forgets the newest writes, down to `length`. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Every target once, ascending. */
  distinctTargets(): Float64Array {
    const sorted = this.#targets.slice(0, this.#length).sort();
    let kept = 0;
    for (const target of sorted) {
      if (kept === 0 || sorted[kept - 1] !== target) sorted[kept++] = target;
    }
    return sorted.slice(0, kept);
  }

  #grow(): void {
    const capacity = 2 * this.#targets.length;
    this.#targets = copyInto(new Float64Array(capacity), this.#targets);
    this.#details = copyInto(new Uint32Array(3 * capacity), this.#details);
    this.#escaped = copyInto(new Uint8Array(capacity), this.#escaped);
  }
}

function copyInto<A extends Float64Array | Uint32Array | Uint8Array>(larger: A, old: A): A {
  larger.set(old);
  return larger;
}
