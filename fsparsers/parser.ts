/** The shape every parser has, so that probe.ts can choose among them. */

import type { ByteReader } from './reader.js';
import type { UsedMap } from './usedmap.js';

export interface ParserOptions {
  /** Where an external journal or log lies, when the user names it. */
  readonly externalJournal?: ByteReader;
  /** The device's logical sector size, where it is known: partition tables count in it. */
  readonly sectorBytes?: number;
  /** The user has said that it is this: what is whole counts, also where a kernel would pass it over. */
  readonly isInsistent?: boolean;
  /** How much of swap space counts as used. Default: `whole`. */
  readonly swap?: 'whole' | 'header';
  /**
   * Whether to hold free space against who owns blocks (inodes, reverse mappings, `$MFT`). `auto`, the
   * default: where reading the owners costs at most a few per cent of reading what is in use.
   */
  readonly crossCheck?: 'auto' | 'owners' | 'none';
  /** Everybody who writes stands still until the map is read: `auto` then looks only where it takes moments. */
  readonly writersWait?: boolean;
  /** Stops a long parse between two reads; the parse rejects with the signal's reason. */
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
