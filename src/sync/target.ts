/** A target of a run, on this host or another: before the run, and open for writing. */

import type { AgentSession, TargetFacts, Volume } from '../volume/index.js';

/** A target before the run. */
export interface Target {
  readonly path: string;
  /** Null where nothing exists yet: a file will be created. */
  readonly facts: TargetFacts | null;
  /** For a new file: the storage that it would share with the source, or null. */
  readonly sharedWith: string | null;
  /** The run that left it unfinished, according to its stamp. */
  readonly stamp: string | null;
  /** For a target on another host: the session there, which stays open until the target is closed. */
  readonly far?: AgentSession;
}

/** A target that a run may write. */
export interface OpenTarget<Kind extends Volume = Volume> {
  /** Open for writing, exclusively. */
  readonly volume: Kind;
  /** This run has just created it, so it reads as zeroes. */
  readonly isNew: boolean;
  /** This run has just resized it. */
  readonly isResized?: boolean;
}
