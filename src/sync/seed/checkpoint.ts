/** How far a seed has come, kept on disk so that the same command can resume after any interruption. */

import path from 'node:path';
import { isPublishedList, type PublishedTarget } from './published.js';
import { isCount, isExtents, StateFile, stateKey } from '../state-file.js';

const schema = 'fastsync-checkpoint/4';

export interface Checkpoint {
  readonly schema: typeof schema;
  /** In the stamp of the targets for as long as this checkpoint is valid for them. */
  readonly runId: string;
  /** Stable names: what this checkpoint is about. */
  readonly source: string;
  readonly targets: readonly string[];
  /** Says whether the source was written since; null if that could not be known. */
  readonly sourceWriteCounter: string | null;
  /** Digest of the work list that `durableBytes` counts in. */
  readonly workListDigest: string;
  readonly verified: boolean;
  /** How unused ranges of the target were treated, and whether that is over. */
  readonly free: string;
  readonly freeDone: boolean;
  /** Prefix of the work list that is written and flushed on every target. */
  readonly durableBytes: number;
  readonly totalBytes: number;
  /** Unreadable ranges met so far, as pairs of start and length: tried again. */
  readonly badRanges: readonly number[];
  /** Unreadable bytes of the prefix that are not in `badRanges` yet: nobody knows where they lie. */
  readonly unlistedBadBytes: number;
  /** Each target as it was left, where all is done but `badRanges`; absent: they are unfinished. */
  readonly published?: readonly PublishedTarget[];
  readonly updatedAt: string;
}

export type CheckpointState = Omit<Checkpoint, 'schema' | 'updatedAt'>;

/** The checkpoint of one source and one set of targets. */
export class CheckpointFile {
  readonly #file: StateFile<Checkpoint>;

  constructor(directory: string, source: string, targets: readonly string[]) {
    const key = stateKey([source, ...targets]);
    this.#file = new StateFile({
      path: path.join(directory, 'checkpoints', `${key}.json`),
      what: 'checkpoint',
      isValid: isCheckpoint,
    });
  }

  /** The last checkpoint, or null: none, or not one that this version wrote whole. */
  load(): Promise<Checkpoint | null> {
    return this.#file.load();
  }

  /**
   * Replaces the checkpoint and makes it durable. To be called only for what the targets have
   * flushed: a checkpoint must never claim more than they hold.
   */
  save(state: CheckpointState): Promise<void> {
    return this.#file.save({ schema, ...state, updatedAt: new Date().toISOString() });
  }

  remove(): Promise<void> {
    return this.#file.remove();
  }
}

/** Whether a file that anything may have happened to holds what save() writes. */
function isCheckpoint(value: unknown): value is Checkpoint {
  const candidate = value as Partial<Record<keyof Checkpoint, unknown>> | null;
  const { durableBytes, totalBytes, unlistedBadBytes } = candidate ?? {};
  return (
    candidate?.schema === schema &&
    typeof candidate.workListDigest === 'string' &&
    typeof candidate.runId === 'string' &&
    typeof candidate.updatedAt === 'string' &&
    typeof candidate.verified === 'boolean' &&
    typeof candidate.freeDone === 'boolean' &&
    isCount(totalBytes) &&
    isCount(durableBytes) &&
    durableBytes <= totalBytes &&
    isCount(unlistedBadBytes) &&
    isExtents(candidate.badRanges) &&
    (candidate.published === undefined || isPublishedList(candidate.published))
  );
}
