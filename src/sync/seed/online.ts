/** Online work: on a source that is mounted and written, with the help of the tracker and the freeze. */

export { MissedWrites } from '../consistency/errors.js';
export { beginOnline, type Begun } from '../consistency/begin.js';
export { type CutoverFigures, type OnlineOptions } from './catch-up.js';
export { type Hooks, runHook } from '../consistency/hooks.js';
export { type OnlineResult, seedOnline, mustNotFreezePaths } from './seed-online.js';
