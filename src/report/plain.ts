/** Text for logs and pipes: a line every ten seconds, then the summary. */

import type { Reporter, RunEvent, StatusEvent, SummaryEvent } from './events.js';
import { formatBytes, formatDuration, formatPercent, formatRate } from './units.js';

const statusEveryMs = 10_000;

/** How to emphasise; the identity functions where colour is not wanted. */
export interface Emphasis {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly good: (text: string) => string;
  readonly faint: (text: string) => string;
}

export const noEmphasis: Emphasis = {
  error: (text) => text,
  warning: (text) => text,
  good: (text) => text,
  faint: (text) => text,
};

export interface TextSinks {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly quiet?: boolean;
  readonly emphasis?: Emphasis;
}

/** Progress, notes and errors go to stderr, the summary to stdout. `quiet` leaves only errors and warnings. */
export function plainReporter(sinks: TextSinks): Reporter {
  let lastStatusMs = performance.now();
  return {
    report(event) {
      if (event.type === 'status') {
        const nowMs = performance.now();
        if (sinks.quiet || nowMs - lastStatusMs < statusEveryMs) return;
        lastStatusMs = nowMs;
        sinks.stderr.write(`${statusLine(event)}\n`);
      } else {
        writeLasting(event, sinks);
      }
    },
  };
}

/** Writes an event that stays on the screen: everything but a status. */
export function writeLasting(event: Exclude<RunEvent, StatusEvent>, sinks: TextSinks): void {
  const emphasis = sinks.emphasis ?? noEmphasis;
  switch (event.type) {
    case 'note':
      if (event.severity === 'warning') {
        sinks.stderr.write(`${emphasis.warning('warning:')} ${event.message}\n`);
      } else if (!sinks.quiet) {
        sinks.stderr.write(`${emphasis.faint('note:')} ${event.message}\n`);
      }
      return;
    case 'error': {
      const remedy = event.remedy === null ? '' : `. ${asSentence(event.remedy)}`;
      sinks.stderr.write(`${emphasis.error('error:')} ${event.message}${remedy}\n`);
      return;
    }
    case 'summary':
      if (!sinks.quiet) sinks.stdout.write(summaryText(event, emphasis));
  }
}

/** "copying 41.2 % (1.2 of 3 GiB) at 812 MiB/s, 2 s left" */
export function statusLine(status: StatusEvent): string {
  const { phase, completedBytes, totalBytes, bytesPerSecond, etaSeconds, badBytes } = status;
  const done = `${formatBytes(completedBytes)} of ${formatBytes(totalBytes)}`;
  const rate = bytesPerSecond === null ? '' : ` at ${formatRate(bytesPerSecond)}`;
  const left = etaSeconds === null ? '' : `, ${formatDuration(etaSeconds)} left`;
  const bad = badBytes === 0 ? '' : `, ${formatBytes(badBytes)} unreadable`;
  return `${phase} ${formatPercent(completedBytes, totalBytes)} (${done})${rate}${left}${bad}`;
}

function summaryText({ facts, outcome }: SummaryEvent, emphasis: Emphasis): string {
  const width = Math.max(0, ...facts.map(([label]) => label.length));
  const colour = outcome === 'done' ? emphasis.good : emphasis.warning;
  return facts
    .map(([label, value], index) => {
      const padded = `${label}:`.padEnd(width + 2);
      return `${padded}${index === 0 ? colour(value) : value}\n`;
    })
    .join('');
}

/** With a capital and a full stop. */
function asSentence(text: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
