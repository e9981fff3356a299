/** What a run says while it works: one stream of events, consumed by one reporter. */

import type { ExitCode } from '../errors.js';

export interface StatusEvent {
  readonly type: 'status';
  /** What is being done: "mapping", "clearing", "copying", "sealing". */
  readonly phase: string;
  readonly totalBytes: number;
  /** Bytes whose last I/O has completed, not merely been issued. */
  readonly completedBytes: number;
  /** Over the last seconds; null until there is something to measure. */
  readonly bytesPerSecond: number | null;
  readonly etaSeconds: number | null;
  /** Bytes of the source that need not be copied at all. */
  readonly skippedBytes: number;
  /** Unreadable so far, and given up (with --rescue). */
  readonly badBytes: number;
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

export type RunEvent = StatusEvent | NoteEvent | ErrorEvent | SummaryEvent;

/** Where events go. Implementations: terminal, plain lines, JSON lines, quiet. */
export interface Reporter {
  report(event: RunEvent): void;
}
