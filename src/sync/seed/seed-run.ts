/** What a seed is given and what it answers: the words between those who start one and those who do it. */

import type { CopyResult, EndpointDescription, ExtentList, IoOptions } from '../../engine/index.js';
import type { Reporter } from '../../report/index.js';
import type { Volume } from '../../volume/index.js';
import type { Plan } from '../plan.js';
import type { OpenTarget } from '../targets.js';
import type { Layout } from '../stray-signatures.js';
import type { UnfinishedTargets } from '../unfinished-targets.js';

/** What becomes of the target's unused ranges. */
export type FreePolicy = 'skip' | 'discard' | 'zero';

export interface SeedOptions {
  readonly free: FreePolicy;
  readonly compare: boolean;
  readonly verify: boolean;
  readonly rescue: boolean;
  readonly resume: boolean;
  readonly ioOptions: IoOptions;
  /** How often the target is flushed and the checkpoint moves on. */
  readonly checkpointEveryMs: number;
  readonly stateDirectory: string;
}

export interface Unpublished {
  readonly code: 'SOURCE_CHANGED' | 'NO_CUTOVER' | 'NOT_CONVERGED';
  readonly message: string;
}

/** A part of the copy beside the plan's. */
export interface Piece {
  readonly phase: string;
  readonly extents: ExtentList;
  /** Where it is read; default: the source. */
  readonly from?: EndpointDescription;
  readonly ioOptions?: IoOptions;
  /** What of it is zeroes there because it could not be read where it came from. */
  readonly unreadable?: ExtentList;
}

/** Copies a piece to all targets that are still good, and flushes them. Null: there was nothing to do. */
export type CopyPiece = (piece: Piece) => Promise<CopyResult | null>;

/** How a copy that was made while the source was written comes to one point in time. */
export interface Follow {
  /** Copies what was written since the body was. */
  reach(copyPiece: CopyPiece): Promise<ConsistencyPoint>;
}

/** Whether the targets hold all of one moment but the header, which is read from `headerFrom` then. */
export type ConsistencyPoint =
  | { readonly kind: 'reached'; readonly headerFrom: EndpointDescription }
  | { readonly kind: 'missed'; readonly unpublished: Unpublished };

export interface SeedRun {
  readonly source: Volume;
  /** The user has accepted that the source is written meanwhile, and the copy torn. */
  readonly sourceMayChange: boolean;
  /** Of a source in use: brings the copy to one point in time. Null: the source is at rest. */
  readonly follow: Follow | null;
  readonly targets: readonly OpenTarget[];
  readonly plan: Plan;
  /** Of a disk: each is a volume of its own. */
  readonly partitions: Layout['partitions'];
  readonly options: SeedOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Hears which targets are unfinished. */
  readonly unfinished?: UnfinishedTargets;
}

export interface SeedResult {
  readonly interrupted: boolean;
  /**
   * Why the targets carry no signature though all was copied; null if they do, or if the run ended
   * before. `code` is stable, `message` a sentence without a full stop.
   */
  readonly unpublished: Unpublished | null;
  /** Bytes of an earlier run that did not have to be copied again. */
  readonly resumedBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly zeroBytes: number;
  readonly identicalBytes: number;
  readonly verifiedBytes: number;
  /**
   * Unreadable ranges of the source, as pairs of start and length. The targets hold zeroes there, or
   * what they held before where the run compared.
   */
  readonly badRanges: ExtentList;
  /** Per target: null, or why it was given up. */
  readonly targetFailures: CopyResult['targetFailures'];
  /** Per target: signatures of its former life that no copied range covered, wiped; one line each. */
  readonly wiped: readonly (readonly string[])[];
  /** Per target: how it probes otherwise than the source though it is published; one line each. */
  readonly probedOtherwise: readonly (readonly string[])[];
  readonly backend: 'uring' | 'threads';
}
