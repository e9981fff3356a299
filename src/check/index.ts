/** The check that runs every night: the pairs of a configuration, and what is kept and said of them. */

export { checkPairs, type CheckRun } from './check-pairs.js';
export { mostSerious } from './severity.js';
export type { PairResult } from './types.js';
