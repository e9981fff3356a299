/** What is known of a target between two runs: whose replica it is, and of which moment. */

import path from 'node:path';
import { type Lock, takeLock } from '../../volume/local/lock.js';
import { isCount, isMoment, StateFile, stateKey } from '../state-file.js';

const schema = 'fastsync-replica/2';

export interface NamedVolume {
  /** As the user calls it. */
  readonly path: string;
  readonly stableId: string;
}

export interface ReplicaRecord {
  readonly schema: typeof schema;
  readonly source: NamedVolume;
  readonly target: NamedVolume;
  /** Where the target's journal lies. */
  readonly journalDirectory: string;
  readonly epoch: number;
  /** Milliseconds since 1970: the target is the whole state of this moment. Null: of none yet. */
  readonly consistentAt: number | null;
  /** XXH3-128 of the target's signature area (signature-area.ts), in hexadecimal: whether somebody else wrote to it since. */
  readonly signatureArea: string | null;
  /** The run that began to seed it last: the target carries it as a stamp while it is unfinished. */
  readonly runId?: string | undefined;
}

export function liveDirectory(stateDirectory: string): string {
  return path.join(stateDirectory, 'live');
}

/** One name for everything that is kept about a pair. */
export function pairKey(source: string, target: string): string {
  return stateKey([source, target]);
}

/**
 * Takes the pair and its journal for this run: the target's own lock is given back where it fails.
 * Rejects with LOCKED.
 */
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
