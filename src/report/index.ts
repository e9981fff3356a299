/** Reporters: how a run looks to a person at a terminal, in a log, and to a script. */

import type { Reporter } from './events.js';
import { jsonReporter } from './json.js';
import { plainReporter } from './plain.js';
import { emphasisFor, terminalReporter } from './terminal.js';

export type * from './events.js';
export { Meter } from './meter.js';
export { formatBytes, formatDuration, formatPercent, formatRate } from './units.js';
export { emphasisFor };

/** Chooses the reporter: JSON if asked for, a bar if stderr is a terminal, lines otherwise. */
export function chooseReporter(options: { json: boolean; quiet: boolean }): Reporter {
  const { stdout, stderr } = process;
  if (options.json) return jsonReporter({ stdout, stderr });
  const sinks = { stdout, stderr, quiet: options.quiet, emphasis: emphasisFor(stderr) };
  return stderr.isTTY && !options.quiet ? terminalReporter(sinks) : plainReporter(sinks);
}
export { mapText } from './map-text.js';
