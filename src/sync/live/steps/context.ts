/** What every step of a replica works with. */

import type { IoOptions } from '../../../engine/index.js';
import type { DirtySet } from '../../consistency/dirty-set.js';
import type { CommitRecord } from '../commit-record.js';
import type { Journal } from '../journal.js';
import type { ReplicaNotes } from '../replica-notes.js';
import type { ReplicaStore } from '../replica-store.js';
import type { ReplicationSource } from '../replication-source.js';

export interface StepContext {
  /** The target, as the user calls it. */
  readonly name: string;
  readonly replicationSource: ReplicationSource;
  readonly journal: Journal;
  readonly store: ReplicaStore;
  /** What the target does not have yet. */
  readonly dirty: DirtySet;
  readonly runId: string;
  readonly intervalMs: number;
  readonly ioOptions: IoOptions;
  readonly notes: ReplicaNotes;
  readonly signal: AbortSignal;
}

/** An epoch that is in the journal, and durable. */
export interface CommittedEpoch {
  readonly record: CommitRecord;
  /** How long writers waited for it; null: an earlier run had committed it. */
  readonly waitedMs: number | null;
}

/** Gives what was staged back to the dirty set, unless it is committed; the target is what it was. */
export async function abandon({ journal, dirty }: StepContext): Promise<void> {
  if ((await journal.committed()) !== null) return;
  dirty.add(journal.staged);
  await journal.reset();
}
