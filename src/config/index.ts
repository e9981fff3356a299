/** fastsync.yaml: which pairs there are, and how each is to be checked. */

export { checkConfig, isProblems } from './check.js';
export { ConfigError, loadConfig } from './load.js';
export { nearest } from './nearest.js';
export { type Config, defaultConfigPath, type PairConfig } from './types.js';
