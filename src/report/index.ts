/** Reporters: the output of a run for a terminal, a log, and a script. */

export type * from './events.js';
export { Meter } from './meter.js';
export { formatAge, formatBytes, formatDuration, formatRate } from './units.js';
export { isScreen } from './screen.js';
export { chooseReporter } from './choose.js';
export { formatInstant } from './instant.js';
export { mapText, usedShares } from './map-text.js';
export { pageBeginning, reportPage } from './html/index.js';
export type { PairReport } from './pair-report.js';
export { pairText } from './pair-text.js';
export { visible } from './visible.js';
export { writtenJson, writtenText, type WrittenRanges } from './written.js';
