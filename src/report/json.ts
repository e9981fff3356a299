/** JSON lines for scripts: one object a line, each with a `type`; a summary always comes last. */

import type { Reporter, RunEvent } from './events.js';

export interface JsonSinks {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Prints a status line at most once a second, except at the start of a round. Errors go to stderr,
 * everything else to stdout.
 */
export function jsonReporter({ stdout, stderr }: JsonSinks): Reporter {
  let lastStatusMs = -Infinity;
  return {
    report(event: RunEvent) {
      if (event.type === 'status' && event.round === undefined) {
        const nowMs = performance.now();
        if (nowMs - lastStatusMs < 1000) return;
        lastStatusMs = nowMs;
      }
      const line = forPrograms(event);
      (event.type === 'error' ? stderr : stdout).write(`${JSON.stringify(line)}\n`);
    },
  };
}

/** Programs get the figures instead of the sentences made from them. */
function forPrograms(event: RunEvent): object {
  if (event.type === 'summary') {
    const { facts: _, figures, ...rest } = event;
    return { ...rest, ...figures };
  }
  if (event.type === 'pair') return { type: event.type, pair: event.pair, ...event.figures };
  return event;
}
