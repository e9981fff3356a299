/** Verification: three answers, each range read again before it is called different, repair of just those. */

export { type Answers, type Cause, causes, doubtful, unprovenBytes } from './answers.js';
export { annotate, type NamedRange } from './annotate.js';
export { type Comparator, volumeComparator } from './comparator.js';
export {
  type PairContext,
  type PairOptions,
  refuseAll,
  type Verdict,
  verdictOf,
  verifyPair,
  type VerifyReport,
} from './pair.js';
export { type OpenSide } from './open-side.js';
export { prepareVerify, type PreparedVerify } from './prepare.js';
export type { VerifyRequest } from './request.js';
export { rangeEvents } from './range-events.js';
export { repair, type RepairResult } from './repair.js';
export { type Span, spanned, spanOf } from './span.js';
export { sidesKey, VerifyStateFile } from './state-record.js';
export { verify, type VerifyOptions, type VerifyResult, type VerifyRun } from './verify.js';
export { countingDetector, firstWriteCounterOf, type WriteDetector } from './write-detector.js';
export { withdrawProofs } from './verify-state.js';
export { type OnlineVerifyOptions, verifyOnline } from './online-pair.js';
export { proveWritten } from './prove-written.js';
export { type ChangeLog, logChanges } from './change-log.js';
export type { Remote } from './far-side.js';
