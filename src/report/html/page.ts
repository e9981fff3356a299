/** `fastsync report --html`: everything known about a pair on one self-contained page. */

import { formatInstant } from '../instant.js';
import type { PairReport } from '../pair-report.js';
import { isOfLastRun, pairFacts } from '../pair-facts.js';
import { formatCount, pairVerdict } from '../verdict.js';
import { html } from './markup.js';
import { historyPlots } from './plots.js';
import { styleElement, styleSource } from './style.js';
import { rangeTable, runTable } from './tables.js';
import { volumeFigure } from './volume.js';

/** The start of every such page; a file that begins otherwise is never overwritten. */
export const pageBeginning = '<!doctype html><!-- fastsync-report/1 -->';

const symbols = { equal: '=', different: '≠', doubtful: '?', unknown: '–' } as const;

/**
 * The whole page. It contains no scripts and its policy allows none, so that a hostile name stays plain
 * text.
 */
export function reportPage(report: PairReport): string {
  const { pair, records, picture, madeAt } = report;
  const { certainty, headline, sentence } = pairVerdict(report);
  const body = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content="${policy}" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="referrer" content="no-referrer" />
      <meta name="robots" content="noindex" />
      <title>${pair}: ${headline}</title>
      ${styleElement}
    </head>
    <body>
      <main>
        <header>
          <p class="kind">fastsync report</p>
          <h1>${pair}</h1>
          <div class="verdict ${certainty}">
            <span class="symbol" aria-hidden="true">${symbols[certainty]}</span>
            <p><strong>${headline}</strong>${sentence}</p>
          </div>
          <dl>
            ${pairFacts(report).map(
              ({ name, value, isVerbatim }) =>
                html`<div>
                  <dt>${name}</dt>
                  <dd>${isVerbatim ? html`<code>${value}</code>` : value}</dd>
                </div>`,
            )}
          </dl>
        </header>
        <section aria-labelledby="h-volume">
          <h2 id="h-volume">The volume</h2>
          ${volumeFigure(picture, picture !== null && isOfLastRun(picture, records))}
        </section>
        <section aria-labelledby="h-ranges">
          <h2 id="h-ranges">What is not equal</h2>
          ${rangeTable(picture)}
        </section>
        <section aria-labelledby="h-history">
          <h2 id="h-history">History</h2>
          ${historyPlots(records)}
        </section>
        <section aria-labelledby="h-runs">
          <h2 id="h-runs">The last runs</h2>
          ${runTable(records)}
        </section>
        <footer>
          Made by fastsync on <time datetime="${madeAt}">${formatInstant(madeAt)}</time> from
          ${formatCount(records.length)} recorded ${records.length === 1 ? 'run' : 'runs'}.
        </footer>
      </main>
    </body>
  </html> `;
  return `${pageBeginning}\n${body.text}`;
}

/** The policy: nothing may be loaded, run, framed or sent; the style sheet is allowed by its digest. */
const policy = `default-src 'none'; style-src ${styleSource}; base-uri 'none'; form-action 'none'`;
