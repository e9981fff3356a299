/** The events of a run: one stream, consumed by one reporter. */

import type { ExitCode } from '../errors.js';

export interface StatusEvent {
  readonly type: 'status';
  /** The present phase: "mapping", "clearing", "copying", "publishing", "comparing". */
  readonly phase: string;
  /** Which pair of a configuration it is about. */
  readonly pair?: string;
  readonly totalBytes: number;
  /** Bytes whose last I/O has completed, not only been issued. */
  readonly completedBytes: number;
  /** Over the last seconds; null until there is something to measure. */
  readonly bytesPerSecond: number | null;
  readonly etaSeconds: number | null;
  /** Bytes of the source that need not be copied at all. */
  readonly skippedBytes: number;
  /** Unreadable bytes skipped so far (with --rescue). */
  readonly badBytes: number;
  /** Found different so far (comparing only). */
  readonly differentBytes?: number;
  /** For a source in use: how far the copy lags behind it. */
  readonly round?: number;
  readonly dirtyBytes?: number;
  readonly dirtyBytesPerSecond?: number;
  readonly expectedFreezeMs?: number;
}

/** A range that is not equal, with what lies in it. */
export interface RangeEvent {
  readonly type: 'range';
  /** Which pair of a configuration it is about. */
  readonly pair?: string;
  readonly answer: 'different' | 'not proven';
  /** Why it is not proven: "unreadable", "changing", "unstable"; null if it is different. */
  readonly cause: string | null;
  /** In bytes of the volume. */
  readonly start: number;
  readonly length: number;
  /** "group 3 inode table", "data". */
  readonly what: string;
  /** The run has repaired it since. */
  readonly repaired: boolean;
}

/** An epoch was applied: the target now holds the complete state of one moment. */
export interface EpochEvent {
  readonly type: 'epoch';
  readonly target: string;
  readonly epoch: number;
  /** Bytes copied for it. */
  readonly bytes: number;
  /** How long the source's writers had to wait; null where the epoch was committed by an earlier run. */
  readonly heldMs: number | null;
  /** ISO 8601: the moment of the source whose state it is. */
  readonly consistentAt: string;
}

export interface NoteEvent {
  readonly type: 'note';
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly message: string;
}

export interface ErrorEvent {
  readonly type: 'error';
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
}

/** One pair of a configuration has been checked. */
export interface PairEvent {
  readonly type: 'pair';
  readonly pair: string;
  /** For people: a paragraph that ends with a newline; null if there is nothing to report. */
  readonly text: string | null;
  /** For programs. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** The last line of every run, also of one that failed or was interrupted. */
export interface SummaryEvent {
  readonly type: 'summary';
  readonly command: string;
  readonly outcome: 'done' | 'different' | 'incomplete' | 'failed' | 'interrupted';
  readonly exitCode: ExitCode;
  readonly seconds: number;
  /** For people, one fact a line: label and value. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** For programs: the command's own figures, in bytes. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export type RunEvent =
  StatusEvent | RangeEvent | EpochEvent | NoteEvent | ErrorEvent | PairEvent | SummaryEvent;

/** Where events go. Implementations: terminal, plain lines, JSON lines, quiet. */
export interface Reporter {
  report(event: RunEvent): void;
}
