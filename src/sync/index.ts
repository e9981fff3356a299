/** The use cases. Written once against volumes and jobs, whatever is behind them. */

export { defaultGapBytes, planCopy, type Plan } from './plan.js';
export { stateDirectory } from './checkpoint.js';
export {
  seed,
  type FreePolicy,
  type SeedOptions,
  type SeedResult,
  type SeedRun,
  type SeedTarget,
} from './seed.js';
export { prepareSeed, type PreparedSeed, type SeedRequest } from './prepare.js';
