/** What is recorded about a target between two runs: whose replica it is, and of which moment. */

import path from 'node:path';
import { type Lock, takeLock } from '../../volume/local/lock.js';
import { isCount, isMoment, StateFile, stateKey } from '../state-file.js';

const schema = 'fastsync-replica/2';

export interface NamedVolume {
  /** The path that the user gave. */
  readonly path: string;
  readonly stableId: string;
}

export interface ReplicaRecord {
  readonly schema: typeof schema;
  readonly source: NamedVolume;
  readonly target: NamedVolume;
  /** The directory of the target's journal. */
  readonly journalDirectory: string;
  readonly epoch: number;
  /** Milliseconds since 1970: the target holds the complete state of this moment. Null: of no moment yet. */
  readonly consistentAt: number | null;
  /**
   * XXH3-128 of the target's signature area (signature-area.ts), in hexadecimal: shows whether somebody
   * else wrote to it since.
   */
  readonly signatureArea: string | null;
  /** The run that last began to seed it; the target has this ID as its stamp while it is unfinished. */
  readonly runId?: string | undefined;
}

export function liveDirectory(stateDirectory: string): string {
  return path.join(stateDirectory, 'live');
}

/** The name under which all state of a pair is kept. */
export function pairKey(source: string, target: string): string {
  return stateKey([source, target]);
}

/** Locks the pair and its journal for this run; on failure releases the target's lock. Rejects with LOCKED. */
export function lockPair(key: string, target: string): Promise<Lock> {
  return takeLock(`live:${key}`, target);
}

export const replicaSuffix = '.replica.json';

export function replicaFile(file: string): StateFile<ReplicaRecord> {
  return new StateFile({ path: file, what: 'state of the replica', isValid: isReplicaRecord });
}

export function newReplicaRecord(
  known: Pick<ReplicaRecord, 'source' | 'target' | 'journalDirectory'>,
): ReplicaRecord {
  return { schema, ...known, epoch: 0, consistentAt: null, signatureArea: null };
}

export function isNamedVolume(value: unknown): value is NamedVolume {
  const candidate = value as Partial<Record<keyof NamedVolume, unknown>> | null;
  return typeof candidate?.path === 'string' && typeof candidate.stableId === 'string';
}

function isReplicaRecord(value: unknown): value is ReplicaRecord {
  const candidate = value as Partial<Record<keyof ReplicaRecord, unknown>> | null;
  return (
    candidate?.schema === schema &&
    isNamedVolume(candidate.source) &&
    isNamedVolume(candidate.target) &&
    typeof candidate.journalDirectory === 'string' &&
    isCount(candidate.epoch) &&
    (candidate.consistentAt === null || isMoment(candidate.consistentAt)) &&
    (candidate.signatureArea === null || typeof candidate.signatureArea === 'string') &&
    (candidate.runId === undefined || typeof candidate.runId === 'string')
  );
}
