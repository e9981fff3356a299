/** The interface of every parser, so that index.ts can choose among them. */

import type { ByteReader } from './reader.js';
import type { UsedMap } from './usedmap.js';

export interface ParserOptions {
  /** Where an external journal or log lies, when the user names it. */
  readonly externalJournal?: ByteReader;
  /** The device's logical sector size, where it is known: partition tables count in it. */
  readonly sectorBytes?: number;
  /**
   * The user has named this family: a structure counts if it is intact, even where a kernel would ignore
   * it.
   */
  readonly isInsistent?: boolean;
  /** How much of swap space counts as used. Default: `whole`. */
  readonly swap?: 'whole' | 'header';
  /**
   * Whether to check free space against the owners of blocks (inodes, reverse mappings, `$MFT`). `auto`,
   * the default: if reading the owners costs at most a few per cent of reading the used bytes.
   */
  readonly crossCheck?: 'auto' | 'owners' | 'none';
  /** Writers wait until the map is read: `auto` then checks owners only if that takes a moment. */
  readonly writersWait?: boolean;
  /** Aborts a long parse between two reads; the parse rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Parser {
  /** The family of file systems, which is also the name of the parser's folder. */
  readonly family: string;
  /** A short description of a plausible signature ("ext4, UUID ..."), or null. Never throws on content. */
  probe(reader: ByteReader): Promise<string | null>;
  /** Reads the allocation structures. Rejects with ParseError on what cannot be such a file system. */
  parse(reader: ByteReader, options?: ParserOptions): Promise<UsedMap>;
}
