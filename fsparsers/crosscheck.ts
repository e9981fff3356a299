/** Holds free space against who owns blocks: whether to, what contradicts, and how to say it. */

import type { ParserOptions } from './parser.js';
import type { MapBuilder } from './mapbuilder.js';
import type { CrossCheck, Filesystem, MapNote } from './usedmap.js';

/** Owners are always read where that takes no longer, as measured (docs/benchmarks.md). */
const floorMs = 1000;
/** The same where writers wait for the map. */
const frozenFloorMs = 150;
/** Owners that are more than one part in so many of what is in use are not read unasked. */
const mostShare = 32;

export interface OwnersCost {
  /** "the inodes", "the reverse-mapping trees": goes into a sentence. */
  readonly owners: string;
  /** To be read for them; an upper bound will do. */
  readonly ownersBytes: number;
  /** Of CPU, with 2 ms for reading them from a disk of 500 MB/s. */
  readonly msPerMebibyte: number;
  /** Of the whole file system. */
  readonly usedBytes: number;
  /** A list of bad blocks leaves bytes out: worth a look at who owns them, unless writers wait. */
  readonly hasBad?: boolean;
}

/** What a cross-check gave: for the map, and for its notes. */
export interface CrossChecked {
  readonly crossCheck: CrossCheck;
  readonly notes: readonly MapNote[];
}

/** Null: read the owners. Else what the map says instead. */
export function skipOwners(
  { crossCheck = 'auto', writersWait = false }: ParserOptions,
  { owners, ownersBytes, msPerMebibyte, usedBytes, hasBad = false }: OwnersCost,
): CrossChecked | null {
  if (crossCheck === 'none') return skipped('not asked for');
  if (crossCheck === 'owners') return null;
  const ms = (ownersBytes / 2 ** 20) * msPerMebibyte;
  if (ms <= (writersWait ? frozenFloorMs : floorMs)) return null;
  if (!writersWait && (hasBad || ownersBytes * mostShare <= usedBytes)) return null;
  const cost = `${mebibytes(ownersBytes)} to read beside ${mebibytes(usedBytes)} in use`;
  const why = writersWait ? `${cost}, while writers wait` : cost;
  const message =
    `free space was not held against ${owners} (${why}): ` +
    'where the file system is damaged, some of it may be in use; --cross-check owners looks';
  return {
    ...skipped(`too costly: ${why}`),
    notes: [{ severity: 'info', code: 'CROSS_CHECK_SKIPPED', message }],
  };
}

/** A check that was not made; `why` is a few words. */
export function skipped(why: string): CrossChecked {
  return { crossCheck: { state: 'skipped', detail: why, contradictedBytes: 0 }, notes: [] };
}

/** So many contradictions, and so many unread owners, are named; the rest is counted. */
const mostNamed = 8;

export interface OwnerWords {
  /** Which owners are asked: "inodes". */
  readonly owners: string;
  /** What may call their blocks free: "the block bitmaps". */
  readonly allocation: string;
  /** What mends it: "e2fsck -f". */
  readonly repair: string;
}

/** Takes claims, in any order, once all free ranges are marked on `builder`. */
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

  /** An owner has these bytes. `name` ("inode 12") is asked only where something is wrong. */
  claim(name: () => string, start: number, length: number): void {
    const bytes = this.#builder.claim(start, length);
    if (bytes === 0) return;
    this.#contradictedBytes += bytes;
    this.#claimed.add(name(), () => `${name()} (${bytes} bytes at byte ${start})`);
  }

  /** An owner, or a part of it, could not be read: what it has is not known. */
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
          `${allocation} call ${this.#contradictedBytes} bytes free that belong to ` +
          `${this.#claimed.text()}: they count as used; the file system is inconsistent, ` +
          `run ${repair} on it`,
      });
    }
    if (this.#unread.count > 0) {
      notes.push({
        severity: 'warning',
        code: 'CROSS_CHECK_PARTIAL',
        message:
          `free space was not held against all ${owners}: ${this.#unread.text()}; ` +
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

/** A file system whose free space is not free is one with errors. */
export function describedAfter(filesystem: Filesystem, { crossCheck }: CrossChecked): Filesystem {
  return crossCheck.contradictedBytes > 0 ? { ...filesystem, state: 'errors' } : filesystem;
}

/** The check of a volume that consists of several; undefined where none of them has one. */
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

/** Names the first few of many; what comes again right after itself counts once. */
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
