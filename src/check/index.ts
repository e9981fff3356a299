/** The nightly check of a configuration's pairs, and its records and reports. */

export { checkPairs, type CheckRun } from './check-pairs.js';
export { mostSerious } from './severity.js';
export type { PairResult } from './types.js';
