/** The options of a replica. */

import type { StallWatch } from '../stall-watch.js';
import type { OpenTarget } from './open-target.js';
import type { ReplicaRecord } from './replica-file.js';
import type { StepContext } from './steps/context.js';

export interface ReplicaOptions extends Omit<StepContext, 'dirty' | 'runId'> {
  /** Opens the target for writing, exclusively. Called again after a failure. */
  readonly open: () => Promise<OpenTarget>;
  /** How to begin: copy everything in use, or compare and copy what differs with the first epoch. */
  readonly begin: 'seed' | 'compare';
  readonly maxFreezeMs: number;
  /** Tells which volumes do not answer. */
  readonly stalls?: Pick<StallWatch, 'stallOf'> | undefined;
  /** Called when an epoch has been applied to the target; the next one waits for it. */
  readonly onEpoch: ((replicaRecord: ReplicaRecord) => Promise<void>) | null;
  /** Called when `state` has changed. */
  readonly onState: () => void;
}
