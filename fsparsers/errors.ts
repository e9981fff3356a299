/** The error that a parser throws when a structure on disk cannot be valid. */

export type ParseErrorCode =
  | 'TRUNCATED' // the structure lies, in part or in whole, behind the end of the device
  | 'NOT_RECOGNISED' // no signature of this family at its place
  | 'AMBIGUOUS' // more than one plausible signature
  | 'CORRUPT' // a field has a value that no valid file system has
  | 'UNSUPPORTED'; // valid, but of a kind this parser does not know how to read

export interface ParseErrorPlace {
  /** The on-disk structure, by its usual name: "superblock", "group 12 descriptor". */
  readonly structure: string;
  /** The offset of that structure on the device. */
  readonly offsetBytes: number;
}

/** Hostile or damaged input. The message always names the structure and its offset. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  readonly code: ParseErrorCode;
  readonly structure: string;
  readonly offsetBytes: number;

  constructor(code: ParseErrorCode, what: string, place: ParseErrorPlace) {
    super(`${place.structure} at byte ${place.offsetBytes}: ${what}`);
    this.code = code;
    this.structure = place.structure;
    this.offsetBytes = place.offsetBytes;
  }
}
