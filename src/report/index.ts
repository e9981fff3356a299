/** Reporters: how a run looks to a person at a terminal, in a log, and to a script. */

import type { Reporter } from './events.js';
import { jsonReporter } from './json.js';
import { plainReporter } from './plain.js';
import { isScreen } from './screen.js';
import { emphasisFor, terminalReporter } from './terminal.js';

export type * from './events.js';
export { Meter } from './meter.js';
export { formatAge, formatBytes, formatDuration, formatRate } from './units.js';
export { isScreen };

/** Chooses the reporter: JSON if asked for, a bar if stderr is a terminal that can move its cursor, lines otherwise. */
export function chooseReporter(options: { json: boolean; quiet: boolean }): Reporter {
  const { stdout, stderr } = process;
  if (options.json) return jsonReporter({ stdout, stderr });
  const sinks = {
    stdout,
    stderr,
    quiet: options.quiet,
    emphasis: emphasisFor(stderr),
    stdoutEmphasis: emphasisFor(stdout),
  };
  return isScreen(stderr) && !options.quiet ? terminalReporter(sinks) : plainReporter(sinks);
}
export { formatInstant } from './instant.js';
export { mapText, usedShares } from './map-text.js';
export { pageBeginning, reportPage } from './html/index.js';
export type { PairReport } from './pair-report.js';
export { pairText } from './pair-text.js';
export { visible } from './visible.js';
export { writtenJson, writtenText, type WrittenRanges } from './written.js';
