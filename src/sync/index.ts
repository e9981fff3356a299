/** The use cases. Written once against volumes and jobs, whatever is behind them. */

export { defaultGapBytes, planCopy, type Plan } from './plan.js';
export { stateDirectory, stateKey } from './state-file.js';
export { seed } from './seed.js';
export type { FreePolicy, SeedOptions, SeedResult, SeedRun, SeedTarget } from './seed-run.js';
export { mapSource, prepareSeed, type PreparedSeed, type SeedRequest } from './prepare.js';
export * from './verify/index.js';
export * from './live/index.js';
export { isRetry } from './retry.js';
export { halfRepairedState, Touched } from './touched.js';
export { unwrittenEvidence } from './evidence.js';
export * from './online/index.js';
export * from './manifest/index.js';
