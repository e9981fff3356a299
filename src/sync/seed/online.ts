/** Online seeding: from a mounted source that is being written, using the tracker and the freeze. */

export { MissedWrites } from '../consistency/errors.js';
export { beginOnline, type Begun } from '../consistency/begin.js';
export { type CutoverFigures, type OnlineOptions } from './catch-up.js';
export { type Hooks, runHook } from '../consistency/hooks.js';
export { type OnlineResult, seedOnline, mustNotFreezePaths } from './seed-online.js';
