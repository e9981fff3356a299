/** The file in which one verification leaves for the next what it knows. */

import path from 'node:path';
import { isCount, isExtents, StateFile, stateKey } from '../state-file.js';
import { isLedger, type Ledger } from './ledger.js';

const schema = 'fastsync-verify/1';

/** Beyond so many, suspects that lie close to each other are kept as one. */
export const mostSuspects = 10_000;

export interface VerifyState {
  readonly schema: typeof schema;
  readonly deviceBytes: number;
  readonly ledger: Ledger;
  /** The part of the volume that the unfinished run is about; null when the last one came to its end. */
  readonly unfinished: {
    readonly startBytes: number;
    readonly stopBytes: number;
    /** All before it was examined. */
    readonly cursorBytes: number;
    /** What of it was not found equal: looked at again first. */
    readonly suspects: readonly number[];
    /** What both sides' accounts of writes said (see evidence.ts); null where they said nothing. */
    readonly evidence: readonly (string | null)[];
  } | null;
}

export type VerifyStateContent = Omit<VerifyState, 'schema'>;

/**
 * The state of verifications of `left` against `right`, both by their stable names. Verifications that
 * compare something else, named by `scope`, prove something else: their state is another.
 */
export class VerifyStateFile {
  readonly #file: StateFile<VerifyState>;

  constructor(directory: string, left: string, right: string, scope = '') {
    this.#file = new StateFile({
      path: path.join(directory, 'verify', `${stateKey([left, right, scope])}.json`),
      what: 'state of the verification',
      isValid,
    });
  }

  /** Rejects with STATE_UNUSABLE; what was not written whole, or by another version, counts as none. */
  load(): Promise<VerifyState | null> {
    return this.#file.load();
  }

  save(state: VerifyStateContent): Promise<void> {
    return this.#file.save({ schema, ...state });
  }
}

function isValid(value: unknown): value is VerifyState {
  const state = value as Partial<VerifyState> | null;
  if (state?.schema !== schema || !isCount(state.deviceBytes)) return false;
  if (!isLedger(state.ledger, state.deviceBytes)) return false;
  const { unfinished } = state;
  if (unfinished === null) return true;
  return (
    isCount(unfinished?.startBytes) &&
    isCount(unfinished.stopBytes) &&
    isCount(unfinished.cursorBytes) &&
    unfinished.startBytes <= unfinished.cursorBytes &&
    unfinished.cursorBytes <= unfinished.stopBytes &&
    unfinished.stopBytes <= state.deviceBytes &&
    Array.isArray(unfinished.evidence) &&
    isExtents(unfinished.suspects) &&
    unfinished.suspects.length <= 2 * mostSuspects
  );
}
