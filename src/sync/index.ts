/** The use cases, written once against volumes and jobs, independent of what implements these. */

export { defaultGapBytes, planCopy, type Plan } from './plan.js';
export { stateDirectory, stateKey } from './state-file.js';
export { seed } from './seed/seed.js';
export type { FreePolicy, SeedOptions, SeedResult, SeedRun } from './seed/seed-run.js';
export type { OpenTarget, Target } from './target.js';
export { inspectTargets, openHostTargets, refuseOtherRuns, type TargetSet } from './targets.js';
export type { RemoteAccess } from './far-target.js';
export {
  type PreparedSeed,
  prepareOnlineSeed,
  prepareSeed,
  previewOnlineSeed,
  type SeedRequest,
} from './seed/prepare.js';
export { mapSource } from './map-source.js';
export * from './verify/index.js';
export * from './live/index.js';
export { isRetry } from './seed/retry.js';
export { StallWatch } from './stall-watch.js';
export { halfRepairedState, UnfinishedTargets } from './unfinished-targets.js';
export * from './seed/online.js';
