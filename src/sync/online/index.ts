/** Online work: on a source that is mounted and written, with the help of the tracker and the freeze. */

export { MissedWrites } from './backlog.js';
export { beginOnline, type Begun, mapFrozen } from './begin.js';
export { type CutoverFigures, type OnlineOptions } from './follow.js';
export { type Hooks, runHook } from './hooks.js';
export { decide, expectedFreezeMs, type RoundReading } from './rounds.js';
export { type OnlineResult, seedOnline, sparedPlaces } from './seed-online.js';
