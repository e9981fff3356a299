/** The axis that all plots of a history share: from its first run to its last. */

import type { RunRecord } from '../../history/index.js';
import { formatDay, formatInstant } from '../instant.js';
import { html, type Html } from './markup.js';

/** Width of a plot in its own units; the page stretches it. */
export const plotWidth = 1000;
const margin = 10;

export interface Timeline {
  /** Where a run lies, in units of a plot. */
  readonly x: (run: RunRecord) => number;
  /** The labels below a plot. */
  readonly axis: Html;
}

/** `records` are the runs to plot, oldest first, at least one. */
export function timelineOf(records: readonly RunRecord[]): Timeline {
  const times = records.map(({ startedAt }) => Date.parse(startedAt));
  // Clocks may be set back, so the order in the file may differ from the order of times.
  const first = times.reduce((a, b) => Math.min(a, b), Infinity);
  const last = times.reduce((a, b) => Math.max(a, b), -Infinity);
  const x = ({ startedAt }: RunRecord) => {
    const share = last > first ? (Date.parse(startedAt) - first) / (last - first) : 0.5;
    return round(margin + share * (plotWidth - 2 * margin));
  };
  return { x, axis: axisOf(first, last) };
}

/** Three labels with days, or, for a short history, its first and last time. */
function axisOf(first: number, last: number): Html {
  const days = [first, (first + last) / 2, last].map(formatDay);
  const isLong = new Set(days).size === days.length;
  const texts = isLong ? days : [...new Set([first, last].map(instantOf))];
  return html`<div class="axis ${isLong ? 'days' : 'times'}" aria-hidden="true">
    ${texts.map((text) => html`<span>${text}</span>`)}
  </div>`;
}

function instantOf(ms: number): string {
  return formatInstant(new Date(ms).toISOString());
}

/** Short enough for thousands of points, exact enough for a screen. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
