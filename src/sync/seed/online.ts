/** Online work: on a source that is mounted and written, with the help of the tracker and the freeze. */

export { MissedWrites } from '../consistency/tracked-dirty-set.js';
export { beginOnline, type Begun, mapFrozen } from '../consistency/begin.js';
export { type CutoverFigures, type OnlineOptions } from './catch-up.js';
export { type Hooks, runHook } from '../consistency/hooks.js';
export { decide, expectedFreezeMs, type RoundReading } from '../consistency/rounds.js';
export { type OnlineResult, seedOnline, mustNotFreezePaths } from './seed-online.js';
