/** fastsync.yaml: the pairs, and how to check each of them. */

export { ConfigError, loadConfig } from './load.js';
export { nearest } from './nearest.js';
export { type Config, defaultConfigPath, type PairConfig } from './types.js';
