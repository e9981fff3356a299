/** The options and the result of a replication. */

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
  /** Open targets exclusively. False: the user has allowed writing targets that others have open. */
  readonly exclusive: boolean;
}

export interface LiveContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Called when an epoch has been applied to a target; the next epoch waits for it. */
  readonly onEpoch?: (replicaRecord: ReplicaRecord) => Promise<void>;
  /** Called about once a second with all targets. */
  readonly onLook?: (targets: readonly LiveResult[]) => void;
  readonly startTracker?: SourceWritesOptions['startTracker'];
  /** Tells which volumes do not answer. */
  readonly stalls?: Pick<StallWatch, 'stallOf'>;
}

export interface LiveResult {
  readonly target: string;
  readonly state: LiveState;
  readonly dirtyBytes: number;
  readonly epoch: number;
  /** Milliseconds since 1970; null: the target does not hold the state of any moment yet. */
  readonly consistentAt: number | null;
  /** Why the replica failed, or the last error that it was retrying after; null if nothing is wrong. */
  readonly error: Error | null;
}
