/** What the history keeps: one record for each run of a pair, and one picture of the last run. */

export const recordSchema = 'fastsync-run/1';
export const pictureSchema = 'fastsync-picture/1';

export type RunOutcome = 'equal' | 'different' | 'not proven' | 'interrupted' | 'failed';

export interface RunRecord {
  readonly schema: typeof recordSchema;
  readonly pair: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly outcome: RunOutcome;
  readonly exitCode: number;
  readonly source: string;
  readonly target: string;
  /** Null where the run failed before it knew. */
  readonly filesystem: {
    readonly type: string;
    readonly uuid: string | null;
    readonly label: string | null;
  } | null;
  readonly deviceBytes: number | null;
  readonly usedBytes: number | null;
  readonly comparedBytes: number;
  readonly differentBytes: number;
  readonly differentRanges: number;
  readonly notProvenBytes: number;
  readonly notProvenRanges: number;
  readonly repairedBytes: number;
  /** When the least recently proven part was proven, ISO 8601; null: a part was never proven. */
  readonly oldestProof: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface PictureRange {
  /** In bytes of the volume. */
  readonly start: number;
  readonly length: number;
  /** "group 3 inode table", "data". */
  readonly what: string;
}

export interface UnprovenRange extends PictureRange {
  /** "unreadable", "changing", "unstable". */
  readonly cause: string;
}

/** The volume as seen by the last run that could read it. */
export interface VolumePicture {
  readonly schema: typeof pictureSchema;
  readonly deviceBytes: number;
  /** The share of used bytes of each equal part of the volume, 0 to 1. */
  readonly used: readonly number[];
  /** At most `mostPictureRanges` each, in order. */
  readonly different: readonly PictureRange[];
  readonly notProven: readonly UnprovenRange[];
  /** The number of ranges left out. */
  readonly omittedRanges: number;
  /** ISO 8601. */
  readonly takenAt: string;
}

export const mostPictureRanges = 1000;
