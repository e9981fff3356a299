/** What every step of a replica works with. */

import type { IoOptions } from '../../../engine/index.js';
import type { DirtySet } from '../../consistency/dirty-set.js';
import type { CommitRecord } from '../commit-record.js';
import type { Journal } from '../journal.js';
import type { ReplicaNotes } from '../replica-notes.js';
import type { ReplicaStore } from '../replica-store.js';
import type { ReplicationSource } from '../replication-source.js';

export interface StepContext {
  /** The target's path as the user gave it. */
  readonly name: string;
  readonly replicationSource: ReplicationSource;
  readonly journal: Journal;
  readonly store: ReplicaStore;
  /** The ranges that the target lacks. */
  readonly dirty: DirtySet;
  readonly runId: string;
  readonly intervalMs: number;
  readonly ioOptions: IoOptions;
  readonly notes: ReplicaNotes;
  readonly signal: AbortSignal;
}

/** An epoch that is durable in the journal. */
export interface CommittedEpoch {
  readonly record: CommitRecord;
  /** How long writers waited for it; null: an earlier run had committed it. */
  readonly waitedMs: number | null;
}

/** Returns staged but uncommitted ranges to the dirty set; the target is unchanged. */
export async function abandon({ journal, dirty }: StepContext): Promise<void> {
  if ((await journal.committed()) !== null) return;
  dirty.add(journal.staged);
  await journal.reset();
}
