/** What a seed is given and what it returns: the types shared by its callers and its implementation. */

import type { CopyResult, EndpointDescription, ExtentList, IoOptions } from '../../engine/index.js';
import type { Reporter } from '../../report/index.js';
import type { HostVolume } from '../../volume/index.js';
import type { Plan } from '../plan.js';
import type { OpenTarget } from '../target.js';
import type { Layout } from '../stray-signatures.js';
import type { UnfinishedTargets } from '../unfinished-targets.js';

/** What to do with the target's unused ranges. */
export type FreePolicy = 'skip' | 'discard' | 'zero';

export interface SeedOptions {
  readonly free: FreePolicy;
  readonly compare: boolean;
  readonly verify: boolean;
  readonly rescue: boolean;
  readonly resume: boolean;
  readonly ioOptions: IoOptions;
  /** How often the target is flushed and the checkpoint saved. */
  readonly checkpointEveryMs: number;
  readonly stateDirectory: string;
}

export interface Unpublished {
  readonly code: 'SOURCE_CHANGED' | 'NO_CUTOVER' | 'NOT_CONVERGED';
  readonly message: string;
}

/** A part of the copy that is not in the plan. */
export interface Piece {
  readonly phase: string;
  readonly extents: ExtentList;
  /** Where to read it; default: the source. */
  readonly from?: EndpointDescription;
  readonly ioOptions?: IoOptions;
  /** The ranges of it that hold zeroes because they could not be read before. */
  readonly unreadable?: ExtentList;
}

/** Copies a piece to all targets that have not failed, and flushes them. Null: nothing to do. */
export type CopyPiece = (piece: Piece) => Promise<CopyResult | null>;

/** Brings a copy made while the source was written to one point in time. */
export interface Follow {
  /** Copies what was written since the body was copied. */
  reach(copyPiece: CopyPiece): Promise<ConsistencyPoint>;
}

/**
 * Whether the targets hold the whole state of one moment except the header, which is read from
 * `headerFrom`.
 */
export type ConsistencyPoint =
  | { readonly kind: 'reached'; readonly headerFrom: EndpointDescription }
  | { readonly kind: 'missed'; readonly unpublished: Unpublished };

export interface SeedRun {
  readonly source: HostVolume;
  /** The user has accepted that the source may be written meanwhile and the copy may be torn. */
  readonly sourceMayChange: boolean;
  /** For a source in use: brings the copy to one point in time. Null: the source is at rest. */
  readonly follow: Follow | null;
  readonly targets: readonly OpenTarget[];
  readonly plan: Plan;
  /** The partitions of a disk: each is a volume. */
  readonly partitions: Layout['partitions'];
  readonly options: SeedOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Is told which targets are unfinished. */
  readonly unfinished?: UnfinishedTargets;
}

export interface SeedResult {
  readonly interrupted: boolean;
  /**
   * Why the targets have no signature although everything was copied; null if they have one, or if the
   * run ended before. `code` is stable; `message` is a sentence without a full stop.
   */
  readonly unpublished: Unpublished | null;
  /** Bytes copied by an earlier run that did not have to be copied again. */
  readonly resumedBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly zeroBytes: number;
  readonly identicalBytes: number;
  readonly verifiedBytes: number;
  /**
   * Unreadable ranges of the source, as pairs of start and length. There the targets hold zeroes, or
   * their earlier contents where the run compared.
   */
  readonly badRanges: ExtentList;
  /** Per target: null, or why it failed. */
  readonly targetFailures: CopyResult['targetFailures'];
  /** Per target: the old signatures outside the copied ranges that were wiped, one line each. */
  readonly wiped: readonly (readonly string[])[];
  /** Per target: how it probes differently from the source although it is published, one line each. */
  readonly probedOtherwise: readonly (readonly string[])[];
  readonly backend: 'uring' | 'threads';
}
