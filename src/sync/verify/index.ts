/** Verification: three answers, each range read again before it is called different, repair of just those. */

export { type Answers, type Cause, causes, doubtful, unprovenBytes } from './answers.js';
export { attribute, type NamedRange } from './attribute.js';
export { type Judge, volumeJudge } from './judge.js';
export {
  type PairContext,
  type PairOptions,
  refuseAll,
  type Verdict,
  verdictOf,
  verifyPair,
  type VerifyReport,
} from './pair.js';
export {
  type OpenTarget,
  prepareVerify,
  type PreparedVerify,
  type VerifyRequest,
} from './prepare.js';
export { rangeEvents } from './range-events.js';
export { repair, type RepairResult } from './repair.js';
export { type Span, spanned, spanOf } from './span.js';
export { sidesKey, VerifyStateFile } from './state.js';
export { verify, type VerifyOptions, type VerifyResult, type VerifyRun } from './verify.js';
export { accountingWitness, firstAccountOf, type Witness } from './witness.js';
export { withdraw } from './book.js';
export { type OnlineVerifyOptions, verifyOnline } from './online-pair.js';
export { proveWritten } from './prove-written.js';
export { type Recorder, recordWrites } from './recorder.js';
