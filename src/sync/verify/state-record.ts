/** The state file of verifications of one pair. */

import path from 'node:path';
import type { Filesystem } from '../../../fsparsers/index.js';
import { isCount, isExtents, StateFile, stateKey } from '../state-file.js';
import { isProofAges, type ProofAges } from './proof-ages.js';
import type { Span } from './span.js';

const schema = 'fastsync-verify/5';

/** Beyond so many suspects, close ones are joined. */
export const mostSuspects = 10_000;

/** At most so many spans have an unfinished run; the one resumed longest ago is dropped first. */
export const mostUnfinished = 16;

/** The unfinished run over one span. */
export interface Unfinished extends Span {
  /** Everything before it was examined. */
  readonly cursorBytes: number;
  /** The ranges of it that were not equal; the next run compares them first. */
  readonly suspects: readonly number[];
  /** The write counters of both sides (see write-counter.ts); null where not available. */
  readonly writeCounters: readonly (string | null)[];
}

export interface VerifyStateRecord {
  readonly schema: typeof schema;
  /** Identifies the volumes and the file system, see sidesKey(). */
  readonly sides: string;
  readonly deviceBytes: number;
  readonly proofAges: ProofAges;
  /** At most one for each span, the latest first. */
  readonly unfinished: readonly Unfinished[];
}

export type VerifyStateContent = Omit<VerifyStateRecord, 'schema' | 'sides'>;

/**
 * The state of verifications of `left` against `right`, by their stable names. Verifications of another
 * `scope` have a state of their own, because they prove something else. `sides` distinguishes the volumes
 * from others that later have the same names: proofs about those do not count.
 */
export class VerifyStateFile {
  readonly #file: StateFile<VerifyStateRecord>;
  readonly #sides: string;

  constructor(directory: string, left: string, right: string, scope = '', sides = '') {
    this.#sides = sides;
    this.#file = new StateFile({
      path: path.join(directory, 'verify', `${stateKey([left, right, scope])}.json`),
      what: 'state of the verification',
      isValid,
    });
  }

  /**
   * Rejects with STATE_UNUSABLE. A state that is incomplete, of another version, or about other volumes
   * counts as none.
   */
  async load(): Promise<VerifyStateRecord | null> {
    const state = await this.#file.load();
    return state?.sides === this.#sides ? state : null;
  }

  save(state: VerifyStateContent): Promise<void> {
    return this.#file.save({ ...state, schema, sides: this.#sides });
  }

  remove(): Promise<void> {
    return this.#file.remove();
  }
}

function isValid(value: unknown): value is VerifyStateRecord {
  const state = value as Partial<VerifyStateRecord> | null;
  if (state?.schema !== schema || typeof state.sides !== 'string' || !isCount(state.deviceBytes))
    return false;
  if (!isProofAges(state.proofAges, state.deviceBytes)) return false;
  const { deviceBytes, unfinished } = state;
  if (!Array.isArray(unfinished) || unfinished.length > mostUnfinished) return false;
  return unfinished.every((one) => isUnfinished(one, deviceBytes));
}

function isUnfinished(value: unknown, deviceBytes: number): value is Unfinished {
  const one = value as Partial<Unfinished> | null;
  return (
    isCount(one?.startBytes) &&
    isCount(one.stopBytes) &&
    isCount(one.cursorBytes) &&
    one.startBytes <= one.cursorBytes &&
    one.cursorBytes <= one.stopBytes &&
    one.stopBytes <= deviceBytes &&
    Array.isArray(one.writeCounters) &&
    isExtents(one.suspects) &&
    one.suspects.length <= 2 * mostSuspects
  );
}

/** Distinguishes a pair of volumes, and the file system on them, from others with the same names. */
export function sidesKey(
  { type, uuid }: Pick<Filesystem, 'type' | 'uuid'>,
  ...fingerprints: readonly string[]
): string {
  return stateKey([type, uuid ?? '', ...fingerprints]);
}
