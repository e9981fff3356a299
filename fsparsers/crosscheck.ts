/**
 * Checks free space against the owners of blocks: whether to do it, what contradicts, and the notes about
 * it.
 */

import type { ParserOptions } from './parser.js';
import type { MapBuilder } from './mapbuilder.js';
import type { CrossCheck, Filesystem, MapNote } from './usedmap.js';

/** Owners are always read if that takes no longer than this, as measured (docs/benchmarks.md). */
const floorMs = 1000;
/** The same limit while writers wait for the map. */
const frozenFloorMs = 150;
/** By default, owners are not read if they are more than 1/32 of the used bytes. */
const mostShare = 32;

export interface OwnersCost {
  /** For the message: "the inodes", "the reverse-mapping trees". */
  readonly owners: string;
  /** How much to read; an upper bound suffices. */
  readonly ownersBytes: number;
  /** CPU time, plus 2 ms for reading them from a disk of 500 MB/s. */
  readonly msPerMebibyte: number;
  /** The used bytes of the whole file system. */
  readonly usedBytes: number;
  /**
   * There is a list of bad blocks, which excludes bytes from the copy: check their owners, unless writers
   * wait.
   */
  readonly hasBad?: boolean;
}

/** The result of a cross-check, for the map and its notes. */
export interface CrossChecked {
  readonly crossCheck: CrossCheck;
  readonly notes: readonly MapNote[];
}

/** Decides whether to read the owners: null to read them, else the result to record instead. */
export function skipOwners(
  { crossCheck = 'auto', writersWait = false }: ParserOptions,
  { owners, ownersBytes, msPerMebibyte, usedBytes, hasBad = false }: OwnersCost,
): CrossChecked | null {
  if (crossCheck === 'none') return skipped('not requested');
  if (crossCheck === 'owners') return null;
  const ms = (ownersBytes / 2 ** 20) * msPerMebibyte;
  if (ms <= (writersWait ? frozenFloorMs : floorMs)) return null;
  if (!writersWait && (hasBad || ownersBytes * mostShare <= usedBytes)) return null;
  const cost = `${mebibytes(ownersBytes)} to read, ${mebibytes(usedBytes)} in use`;
  const why = writersWait ? `${cost}, while writers wait` : cost;
  const message =
    `free space was not checked against ${owners} (${why}): ` +
    'on a damaged file system some of it may be in use; --cross-check owners checks it';
  return {
    ...skipped(`too costly: ${why}`),
    notes: [{ severity: 'info', code: 'CROSS_CHECK_SKIPPED', message }],
  };
}

/** A check that was not made; `why` is a short reason. */
export function skipped(why: string): CrossChecked {
  return { crossCheck: { state: 'skipped', detail: why, contradictedBytes: 0 }, notes: [] };
}

/** This many contradictions and unread owners are named; the rest is counted. */
const mostNamed = 8;

export interface OwnerWords {
  /** The kind of owners: "inodes". */
  readonly owners: string;
  /** The structures that mark blocks as free: "the block bitmaps". */
  readonly allocation: string;
  /** The repair command: "e2fsck -f". */
  readonly repair: string;
}

/** Takes claims in any order. All free ranges must have been marked on `builder` before. */
export class OwnerCheck {
  readonly #builder: MapBuilder;
  readonly #words: OwnerWords;
  readonly #claimed = new BoundedList();
  readonly #unread = new BoundedList();
  #contradictedBytes = 0;

  constructor(builder: MapBuilder, words: OwnerWords) {
    this.#builder = builder;
    this.#words = words;
  }

  /** Claims these bytes for an owner. `name` ("inode 12") is called only if there is a contradiction. */
  claim(name: () => string, start: number, length: number): void {
    const bytes = this.#builder.claim(start, length);
    if (bytes === 0) return;
    this.#contradictedBytes += bytes;
    this.#claimed.add(name(), () => `${name()} (${bytes} bytes at byte ${start})`);
  }

  /** Records that an owner, or a part of it, could not be read, so that its blocks are unknown. */
  addUnread(owner: string, why: string): void {
    this.#unread.add(owner, () => `${owner}: ${why}`);
  }

  finish(): CrossChecked {
    const { owners, allocation, repair } = this.#words;
    const notes: MapNote[] = [];
    if (this.#contradictedBytes > 0) {
      notes.push({
        severity: 'warning',
        code: 'FREE_BUT_CLAIMED',
        message:
          `${allocation} mark ${this.#contradictedBytes} bytes as free that belong to ` +
          `${this.#claimed.text()}: they count as used; the file system is inconsistent; ` +
          `run ${repair} on it`,
      });
    }
    if (this.#unread.count > 0) {
      notes.push({
        severity: 'warning',
        code: 'CROSS_CHECK_PARTIAL',
        message:
          `free space was not checked against all ${owners}: ${this.#unread.text()}; ` +
          `run ${repair} on the file system`,
      });
    }
    return {
      crossCheck: {
        state: this.#unread.count > 0 ? 'partial' : 'done',
        detail: owners,
        contradictedBytes: this.#contradictedBytes,
      },
      notes,
    };
  }
}

/** Contradicted free space counts as an error of the file system. */
export function describedAfter(filesystem: Filesystem, { crossCheck }: CrossChecked): Filesystem {
  return crossCheck.contradictedBytes > 0 ? { ...filesystem, state: 'errors' } : filesystem;
}

/** Combines the checks of a volume's parts; undefined if none has one. */
export function joinCrossChecks(
  parts: readonly { readonly name: string; readonly crossCheck: CrossCheck | undefined }[],
): CrossCheck | undefined {
  const checked = parts.flatMap(({ name, crossCheck }) =>
    crossCheck === undefined ? [] : [{ name, ...crossCheck }],
  );
  const [first] = checked;
  if (first === undefined) return undefined;
  const isUniform = checked.every(({ state }) => state === first.state);
  return {
    state: isUniform ? first.state : 'partial',
    detail: checked
      .map(({ name, state, detail }) => `${name}: ${isUniform ? '' : `${state}, `}${detail}`)
      .join('; '),
    contradictedBytes: checked.reduce((sum, { contradictedBytes }) => sum + contradictedBytes, 0),
  };
}

/** Names the first few of many; a repeated name counts once. */
class BoundedList {
  readonly #named: string[] = [];
  #last = '';
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(key: string, text: () => string): void {
    if (this.#count > 0 && key === this.#last) return;
    this.#last = key;
    this.#count++;
    if (this.#named.length < mostNamed) this.#named.push(text());
  }

  text(): string {
    const rest = this.#count - this.#named.length;
    return `${this.#named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
