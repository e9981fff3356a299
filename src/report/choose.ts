/** Which reporter a run gets. What only a terminal needs is loaded for a terminal. */

import type { Reporter } from './events.js';
import { jsonReporter } from './json.js';
import { type Emphasis, noEmphasis, plainReporter } from './plain.js';
import { isScreen } from './screen.js';

/** Chooses the reporter: JSON if asked for, a bar if stderr is a terminal that can move its cursor, lines otherwise. */
export async function chooseReporter(options: {
  json: boolean;
  quiet: boolean;
}): Promise<Reporter> {
  const { stdout, stderr } = process;
  if (options.json) return jsonReporter({ stdout, stderr });
  const sinks = {
    stdout,
    stderr,
    quiet: options.quiet,
    emphasis: await emphasisFor(stderr),
    stdoutEmphasis: await emphasisFor(stdout),
  };
  if (!isScreen(stderr) || options.quiet) return plainReporter(sinks);
  return (await import('./terminal.js')).terminalReporter(sinks);
}

/** Colours for a stream; none where NO_COLOR is set or the stream is no terminal that has any. */
async function emphasisFor(stream: NodeJS.WriteStream): Promise<Emphasis> {
  if (!isScreen(stream) || process.env.NO_COLOR) return noEmphasis;
  return (await import('./colours.js')).colours;
}
