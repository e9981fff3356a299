/** The progress of a seed on disk, so that the same command can resume after any interruption. */

import path from 'node:path';
import { isPublishedList, type PublishedTarget } from './published.js';
import { isCount, isExtents, StateFile, stateKey } from '../state-file.js';

const schema = 'fastsync-checkpoint/4';

export interface Checkpoint {
  readonly schema: typeof schema;
  /** The ID in the targets' stamp as long as this checkpoint is valid for them. */
  readonly runId: string;
  /** Stable names of the volumes that this checkpoint belongs to. */
  readonly source: string;
  readonly targets: readonly string[];
  /** The source's write counter, to detect writes since; null where it was not available. */
  readonly sourceWriteCounter: string | null;
  /** Digest of the work list that `durableBytes` counts in. */
  readonly workListDigest: string;
  readonly verified: boolean;
  /** The policy for unused ranges of the target, and whether it has been carried out. */
  readonly free: string;
  readonly freeDone: boolean;
  /** The length of the work list's prefix that is written and flushed on every target. */
  readonly durableBytes: number;
  readonly totalBytes: number;
  /** Unreadable ranges found so far, as pairs of start and length; the next run tries them again. */
  readonly badRanges: readonly number[];
  /** Unreadable bytes of the prefix that are not in `badRanges` yet, so their location is unknown. */
  readonly unlistedBadBytes: number;
  /**
   * The state of each published target where only `badRanges` are missing; absent: the targets are
   * unfinished.
   */
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

  /** The last checkpoint; null if there is none, or none that this version wrote completely. */
  load(): Promise<Checkpoint | null> {
    return this.#file.load();
  }

  /**
   * Replaces the checkpoint durably. Call it only for what the targets have flushed: a checkpoint must
   * never claim more than they hold.
   */
  save(state: CheckpointState): Promise<void> {
    return this.#file.save({ schema, ...state, updatedAt: new Date().toISOString() });
  }

  remove(): Promise<void> {
    return this.#file.remove();
  }
}

/** Whether a file, which may be damaged, holds what save() writes. */
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
