/** fastsync.yaml: which pairs there are, and how each is to be checked. */

export { ConfigError, loadConfig } from './load.js';
export { nearest } from './nearest.js';
export { type Config, defaultConfigPath, type PairConfig } from './types.js';
