/** The history of a pair as plots: one point for every run, all on the same axis of time. */

import type { RunRecord } from '../../history/index.js';
import { formatInstant } from '../instant.js';
import { proofAgeSeconds } from '../pair-facts.js';
import { formatAge, formatBytes, formatDuration, formatRate } from '../units.js';
import { formatCount } from '../verdict.js';
import { html, type Html } from './markup.js';
import { outcomeClass, outcomeFigure } from './outcomes.js';
import { byteScale, logByteScale, rateScale, type Scale, timeScale } from './scale.js';
import { plotWidth, round, type Timeline, timelineOf } from './timeline.js';

const plotHeight = 100;

/** The most points: a screen has no more columns. */
export const mostPlotted = 2000;
/** From this number on, points are drawn smaller. */
const manyPoints = 300;

interface Plot {
  readonly id: string;
  readonly title: string;
  /** Null: the run has no such figure; the point is drawn hollow, at the top. */
  readonly value: (run: RunRecord) => number | null;
  readonly scale: (most: number) => Scale;
  readonly format: (value: number) => string;
  /** The text for a run without the figure. */
  readonly none: string;
  /** `stem` for rare values; the others are joined by a line. */
  readonly style: 'line' | 'stems';
  readonly isWide?: boolean;
}

const plots: readonly Plot[] = [
  {
    id: 'differences',
    title: 'Different or not proven (logarithmic)',
    value: ({ differentBytes, notProvenBytes }) => differentBytes + notProvenBytes,
    scale: logByteScale,
    format: formatBytes,
    none: '',
    style: 'stems',
    isWide: true,
  },
  {
    id: 'duration',
    title: 'Duration',
    value: ({ seconds }) => seconds,
    scale: timeScale,
    format: formatDuration,
    none: '',
    style: 'line',
  },
  {
    id: 'rate',
    title: 'Rate of comparing',
    value: ({ comparedBytes, seconds }) => (seconds > 0 ? comparedBytes / seconds : 0),
    scale: rateScale,
    format: formatRate,
    none: '',
    style: 'line',
  },
  {
    id: 'compared',
    title: 'Compared',
    value: ({ comparedBytes }) => comparedBytes,
    scale: byteScale,
    format: formatBytes,
    none: '',
    style: 'line',
  },
  {
    id: 'age',
    title: 'Age of the oldest proof',
    value: proofAgeSeconds,
    scale: timeScale,
    format: formatAge,
    none: 'a part was never proven',
    style: 'line',
  },
];

/** All plots, or a sentence if there is nothing to plot. */
export function historyPlots(all: readonly RunRecord[]): Html {
  if (all.length === 0) return html`<p class="empty">No run has been recorded yet.</p>`;
  const records = all.slice(-mostPlotted);
  const timeline = timelineOf(records);
  const left = all.length - records.length;
  return html`<div class="plots${records.length > manyPoints ? ' dense' : ''}">
      ${outcomeFigure(records, timeline)}
      ${plots.map((plot) => plotFigure(plot, records, timeline))}
    </div>
    <p class="note">
      ${left > 0 ? `The last ${formatCount(records.length)} of ${formatCount(all.length)} runs. ` : ''}Points
      have the colour of the run's outcome; a hollow point: a part of the volume was never proven.
      All times are UTC.
    </p>`;
}

function plotFigure(plot: Plot, records: readonly RunRecord[], timeline: Timeline): Html {
  const values = records.map(plot.value);
  const known = values.filter((value) => value !== null);
  const most = known.reduce((a, b) => Math.max(a, b), 0);
  const scale = plot.scale(most);
  const last = values.at(-1) ?? null;
  const points = records.map((run, index) => {
    const value = values[index] ?? null;
    const height = value === null ? 1 : scale.place(value);
    return { run, value, x: timeline.x(run), y: round((1 - height) * plotHeight) };
  });
  const label = `${plot.title}, ${records.length} runs: at most ${plot.format(most)}, last ${last === null ? plot.none : plot.format(last)}.`;
  return html`<figure class="plot${plot.isWide === true ? ' wide' : ''}" id="${plot.id}">
    <figcaption>${plot.title}<b>${last === null ? plot.none : plot.format(last)}</b></figcaption>
    <div class="chart">
      <div class="labels" aria-hidden="true">
        ${scale.labels.map((text) => html`<span>${text}</span>`)}
      </div>
      <svg
        viewBox="0 0 ${plotWidth} ${plotHeight}"
        preserveAspectRatio="none"
        role="img"
        aria-label="${label}"
      >
        <path
          class="rule"
          d="M0 0h${plotWidth}M0 ${plotHeight / 2}h${plotWidth}M0 ${plotHeight}h${plotWidth}"
        />
        ${plot.style === 'line' ? trend(points) : points.filter(({ value }) => value !== 0).map(stem)}
        ${points.map(({ run, value, x, y }) => html`<path class="point ${value === null ? 'hollow' : outcomeClass(run.outcome)}" d="M${x} ${y}h0"><title>${formatInstant(run.startedAt)}: ${value === null ? plot.none : plot.format(value)}</title></path>`)}
      </svg>
    </div>
    ${timeline.axis}
  </figure>`;
}

interface Point {
  readonly run: RunRecord;
  readonly value: number | null;
  readonly x: number;
  readonly y: number;
}

/** A line through the points that have a value. It breaks at a run that failed. */
function trend(points: readonly Point[]): Html {
  const steps: string[] = [];
  let isJoined = false;
  for (const { run, value, x, y } of points) {
    const isMeasured = value !== null && run.outcome !== 'failed';
    if (isMeasured) steps.push(`${isJoined ? 'L' : 'M'}${x} ${y}`);
    isJoined = isMeasured;
  }
  return html`<path class="trend" d="${steps.join('')}" />`;
}

function stem({ run, x, y }: Point): Html {
  return html`<path class="stem ${outcomeClass(run.outcome)}" d="M${x} ${plotHeight}V${y}" />`;
}
