/** JSON lines for scripts: one object a line, each with a `type`; a summary always comes last. */

import type { Reporter, RunEvent } from './events.js';

export interface JsonSinks {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Status lines come at most once a second, but for those that begin a round; errors go to stderr, all else to stdout. */
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

/** A program wants the figures, not the sentences made of them. */
function forPrograms(event: RunEvent): object {
  if (event.type === 'summary') {
    const { facts: _, figures, ...rest } = event;
    return { ...rest, ...figures };
  }
  if (event.type === 'pair') return { type: event.type, pair: event.pair, ...event.figures };
  return event;
}
