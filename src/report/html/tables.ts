/** The tables of a report: the ranges that were found, and the figures of the last runs. */

import type { RunRecord, VolumePicture } from '../../history/index.js';
import { foundRanges, type RunColumn, runColumns } from '../pair-facts.js';
import { formatBytes } from '../units.js';
import { formatCount } from '../verdict.js';
import { html, type Html } from './markup.js';
import { outcomeClass } from './outcomes.js';

/** The most rows: enough to act on. A replica that was never seeded differs everywhere. */
const mostRanges = 1000;
const mostRuns = 30;

/** What differs and what is not proven, in the order of the volume. */
export function rangeTable(picture: VolumePicture | null): Html {
  if (picture === null) return html`<p class="empty">Nothing is known about the volume.</p>`;
  const { shown, omitted } = foundRanges(picture, mostRanges);
  if (shown.length === 0 && omitted === 0) {
    return html`<p class="empty">Every range is equal.</p>`;
  }
  const more =
    omitted === 0
      ? null
      : html`<p class="note">
          ${formatCount(omitted)} more ranges are not listed; fastverify --json lists every one.
        </p>`;
  return html`<div class="scroll short" tabindex="0" role="region" aria-label="Ranges not equal">
      <table>
        <thead>
          <tr>
            <th scope="col" class="n">Start, bytes</th>
            <th scope="col" class="n">Length, bytes</th>
            <th scope="col" class="n">Length</th>
            <th scope="col">Answer</th>
            <th scope="col" class="last">What lies there</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map(
            ({ start, length, what, answer, isDifferent }) =>
              html`<tr>
                <td class="n">${formatCount(start)}</td>
                <td class="n">${formatCount(length)}</td>
                <td class="n">${formatBytes(length)}</td>
                <td><i class="${isDifferent ? 'different' : 'unproven'}"></i>${answer}</td>
                <td class="last">${what}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${more}`;
}

/** The last runs, newest first; an error is shown below its run. */
export function runTable(records: readonly RunRecord[]): Html {
  if (records.length === 0) return html`<p class="empty">No run has been recorded yet.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="The last runs">
    <table>
      <thead>
        <tr>
          ${runColumns.map(
            ({ title, isNumber }) => html`<th scope="col" class="${css(isNumber)}">${title}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${records.slice(-mostRuns).reverse().map(runRows)}
      </tbody>
    </table>
  </div>`;
}

function runRows(run: RunRecord): Html {
  const why =
    run.error === null
      ? null
      : html`<tr class="why">
          <td></td>
          <td colspan="${runColumns.length - 1}">${run.error.message}</td>
        </tr>`;
  return html`<tr>
      ${runColumns.map((column) => runCell(column, run))}
    </tr>
    ${why}`;
}

/** Zeroes are good news, so they are drawn faintly. */
function runCell({ title, isNumber, cell }: RunColumn, run: RunRecord): Html {
  const text = cell(run);
  const mark = title === 'Outcome' ? html`<i class="${outcomeClass(run.outcome)}"></i>` : null;
  return html`<td class="${css(isNumber)}${text === '0' ? ' zero' : ''}">${mark}${text}</td>`;
}

function css(isNumber: boolean): string {
  return isNumber ? 'n' : 't';
}
