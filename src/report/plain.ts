/** Text for logs and pipes: a line every ten seconds and for each round, then the summary. */

import type {
  EpochEvent,
  RangeEvent,
  Reporter,
  RunEvent,
  StatusEvent,
  SummaryEvent,
} from './events.js';
import { formatBytes, formatDuration, formatPercent, formatRate } from './units.js';
import { visible } from './visible.js';

const statusEveryMs = 10_000;

/** The most ranges to print; a replica that was never seeded differs in a million places. */
const mostRangeLines = 100;

/** How to emphasise; the identity functions without colour. */
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
  /** For stderr. */
  readonly emphasis?: Emphasis;
  /** For stdout, which may be a file while stderr is a terminal. */
  readonly stdoutEmphasis?: Emphasis;
}

/** Progress, notes and errors go to stderr, the summary to stdout. `quiet` leaves only errors and warnings. */
export function plainReporter(sinks: TextSinks): Reporter {
  let lastStatusMs = performance.now();
  const isOneTooMany = rangeLimit(sinks);
  return {
    report(event) {
      if (isOneTooMany(event)) return;
      if (event.type === 'status') {
        const nowMs = performance.now();
        const isDue = event.round !== undefined || nowMs - lastStatusMs >= statusEveryMs;
        if (sinks.quiet || !isDue) return;
        lastStatusMs = nowMs;
        sinks.stderr.write(`${statusLine(event)}\n`);
      } else {
        writeLasting(event, sinks);
      }
    },
  };
}

/** Returns which range events exceed the limit, and reports once that there are more. */
export function rangeLimit({ stdout }: TextSinks): (event: RunEvent) => boolean {
  let ranges = 0;
  return ({ type }) => {
    if (type !== 'range' || ++ranges <= mostRangeLines) return false;
    if (ranges === mostRangeLines + 1) stdout.write('... and more: --json lists all\n');
    return true;
  };
}

/** Writes an event that stays on the screen: all except status events. */
export function writeLasting(event: Exclude<RunEvent, StatusEvent>, sinks: TextSinks): void {
  const { emphasis = noEmphasis, stdoutEmphasis = noEmphasis } = sinks;
  switch (event.type) {
    case 'note':
      if (event.severity === 'warning') {
        sinks.stderr.write(`${emphasis.warning('warning:')} ${visible(event.message)}\n`);
      } else if (!sinks.quiet) {
        sinks.stderr.write(`${emphasis.faint('note:')} ${visible(event.message)}\n`);
      }
      return;
    case 'error': {
      const remedy = event.remedy === null ? '' : `. ${visible(asSentence(event.remedy))}`;
      sinks.stderr.write(`${emphasis.error('error:')} ${visible(event.message)}${remedy}\n`);
      return;
    }
    case 'range':
      sinks.stdout.write(`${rangeLine(event, stdoutEmphasis)}\n`);
      return;
    case 'pair':
      if (event.text !== null) sinks.stdout.write(event.text);
      return;
    case 'epoch':
      if (!sinks.quiet) sinks.stdout.write(`${epochLine(event)}\n`);
      return;
    case 'summary':
      if (!sinks.quiet) sinks.stdout.write(summaryText(event, stdoutEmphasis));
  }
}

/** "different   4096 bytes at 1048576   group 0 inode table", in columns that awk can split. */
function rangeLine(event: RangeEvent, emphasis: Emphasis): string {
  const { answer, cause, start, length, what, repaired } = event;
  const label = (repaired ? 'repaired' : (cause ?? answer)).padEnd(10);
  const wrong = answer === 'different' ? emphasis.error : emphasis.warning;
  const coloured = repaired ? emphasis.good(label) : wrong(label);
  return `${coloured}  ${String(start).padStart(15)} ${String(length).padStart(12)}  ${visible(what)}`;
}

/** "/dev/sdb2: epoch 12, the state of 2026-11-21T10:31:02.120Z, 3.4 MiB, writers waited 87 ms" */
function epochLine({ target, epoch, bytes, heldMs, consistentAt }: EpochEvent): string {
  const held = heldMs === null ? '' : `, writers waited ${Math.round(heldMs)} ms`;
  return `${visible(target)}: epoch ${epoch}, the state of ${consistentAt}, ${formatBytes(bytes)}${held}`;
}

/** "copying 41.2 % (1.2 of 3 GiB) at 812 MiB/s, 2 s left" */
export function statusLine(status: StatusEvent): string {
  const { phase, completedBytes, totalBytes, bytesPerSecond, etaSeconds, badBytes } = status;
  const done = `${formatBytes(completedBytes)} of ${formatBytes(totalBytes)}`;
  const rate = bytesPerSecond === null ? '' : ` at ${formatRate(bytesPerSecond)}`;
  const left = etaSeconds === null ? '' : `, ${formatDuration(etaSeconds)} left`;
  const bad = badBytes === 0 ? '' : `, ${formatBytes(badBytes)} unreadable`;
  const differing =
    (status.differentBytes ?? 0) === 0 ? '' : `, ${formatBytes(status.differentBytes ?? 0)} differ`;
  if (status.dirtyBytes !== undefined) return roundLine(status, status.dirtyBytes);
  return `${phase} ${formatPercent(completedBytes, totalBytes)} (${done})${rate}${left}${bad}${differing}`;
}

/** "round 3: 12 MiB dirty, 40 MiB/s being written, a freeze of about 80 ms" */
function roundLine(status: StatusEvent, dirtyBytes: number): string {
  const { phase, dirtyBytesPerSecond = 0, expectedFreezeMs = 0 } = status;
  const rate = formatRate(dirtyBytesPerSecond);
  return `${phase}: ${formatBytes(dirtyBytes)} dirty, ${rate} being written, a freeze of about ${expectedFreezeMs} ms`;
}

function summaryText({ facts: found, outcome }: SummaryEvent, emphasis: Emphasis): string {
  const facts = found.map((fact) => fact.map(visible) as [label: string, value: string]);
  const width = Math.max(0, ...facts.map(([label]) => label.length));
  const bad = outcome === 'different' ? emphasis.error : emphasis.warning;
  const colour = outcome === 'done' ? emphasis.good : bad;
  return facts
    .map(([label, value], index) => {
      const padded = `${label}:`.padEnd(width + 2);
      return `${padded}${index === 0 ? colour(value) : value}\n`;
    })
    .join('');
}

/** Makes it a sentence, with a capital and a full stop. */
function asSentence(text: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
