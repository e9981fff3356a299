/** What following is told, and what it answers. */

import type { MapOptions } from '../../../fsparsers/index.js';
import type { IoOptions } from '../../engine/index.js';
import type { Reporter } from '../../report/index.js';
import type { Hooks } from '../consistency/hooks.js';
import type { StallWatch } from '../stall-watch.js';
import type { ReplicaRecord } from './replica-file.js';
import type { LiveState } from './replica-state.js';
import type { SourceWritesOptions } from './source-writes.js';

export interface LiveOptions {
  readonly intervalMs: number;
  readonly maxFreezeMs: number;
  readonly stateDirectory: string;
  readonly journalDirectory: string;
  readonly map: MapOptions;
  readonly hooks: Hooks;
  readonly ioOptions: IoOptions;
  /** Claims the targets. False: the user has said that targets which others hold may be written. */
  readonly exclusive: boolean;
}

export interface LiveContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Called when an epoch is on a target; the next one to it waits. */
  readonly onEpoch?: (replicaRecord: ReplicaRecord) => Promise<void>;
  /** Called about every second with all targets. */
  readonly onLook?: (targets: readonly LiveResult[]) => void;
  readonly startTracker?: SourceWritesOptions['startTracker'];
  /** Which volumes do not answer. */
  readonly stalls?: Pick<StallWatch, 'stallOf'>;
}

export interface LiveResult {
  readonly target: string;
  readonly state: LiveState;
  readonly dirtyBytes: number;
  readonly epoch: number;
  /** Milliseconds since 1970; null: the target is the state of no moment yet. */
  readonly consistentAt: number | null;
  /** Why it was given up, or what it was last waiting to try again; null if nothing is wrong. */
  readonly error: Error | null;
}
