/** A plot of how each run ended, with a lane for every outcome, so that it does not depend on colour. */

import type { RunOutcome, RunRecord } from '../../history/index.js';
import { formatInstant } from '../instant.js';
import { formatCount } from '../verdict.js';
import { html, type Html } from './markup.js';
import { plotWidth, round, type Timeline } from './timeline.js';

/** In the order of the lanes, with the class that colours them. */
export const outcomes: readonly (readonly [RunOutcome, string])[] = [
  ['equal', 'equal'],
  ['different', 'different'],
  ['not proven', 'unproven'],
  ['interrupted', 'interrupted'],
  ['failed', 'failed'],
];

export function outcomeClass(outcome: RunOutcome): string {
  return outcomes.find(([name]) => name === outcome)?.[1] ?? '';
}

const laneHeight = 10;

/** One tick for every run. */
export function outcomeFigure(records: readonly RunRecord[], timeline: Timeline): Html {
  const counts = outcomes.map(([name]) => records.filter(({ outcome }) => outcome === name).length);
  const summary = outcomes.map(([name], index) => `${counts[index] ?? 0} ${name}`).join(', ');
  const width = Math.max(2, Math.min(8, (0.7 * plotWidth) / records.length));
  const tick = (run: RunRecord) => {
    const lane = outcomes.findIndex(([name]) => name === run.outcome);
    return html`<rect
      class="tick ${outcomeClass(run.outcome)}"
      x="${round(timeline.x(run) - width / 2)}"
      y="${lane * laneHeight + 1}"
      width="${round(width)}"
      height="${laneHeight - 2}"
      ><title>${formatInstant(run.startedAt)}: ${run.outcome}</title></rect
    >`;
  };
  return html`<figure class="plot wide" id="outcomes">
    <figcaption>Outcome of every run</figcaption>
    <div class="chart lanes">
      <ul class="labels" aria-hidden="true">
        ${outcomes.map(
          ([name, css], index) =>
            html`<li><i class="${css}"></i>${name} <b>${formatCount(counts[index] ?? 0)}</b></li>`,
        )}
      </ul>
      <svg
        viewBox="0 0 ${plotWidth} ${outcomes.length * laneHeight}"
        preserveAspectRatio="none"
        role="img"
        aria-label="Outcomes of ${records.length} runs: ${summary}."
      >
        ${outcomes.map((_, lane) => html`<path class="lane" d="M0 ${lane * laneHeight + laneHeight / 2}h${plotWidth}" />`)}
        ${records.map(tick)}
      </svg>
    </div>
    ${timeline.axis}
  </figure>`;
}
