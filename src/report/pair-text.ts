/** `fastsync report` at a terminal: the verdict, the picture, what is not equal, the last runs. */

import type { RunRecord, VolumePicture } from '../history/index.js';
import { type Cell, cellsOf, kindOf } from './cells.js';
import { formatInstant } from './instant.js';
import { foundRanges, isOfLastRun, pairFacts, runColumns } from './pair-facts.js';
import type { PairReport } from './pair-report.js';
import { formatBytes } from './units.js';
import { formatCount, pairVerdict } from './verdict.js';
import { visible } from './visible.js';

const mostRanges = 20;
const mostRuns = 10;

/** The whole text. Ends with a newline. */
export function pairText(report: PairReport): string {
  const { pair, records, picture } = report;
  const { headline, sentence } = pairVerdict(report);
  const facts = pairFacts(report).map(({ name, value }) => [name, visible(value)]);
  const lines = [
    `${visible(pair)}: ${headline}`,
    sentence,
    '',
    ...table(facts, [false, false]),
    ...(picture === null || picture.deviceBytes === 0 ? [] : volumeLines(picture, records)),
    ...(picture === null ? [] : rangeLines(picture)),
    ...runLines(records),
  ];
  return `${lines.join('\n')}\n`;
}

const columns = 64;
const rows = 8;

function volumeLines(picture: VolumePicture, records: readonly RunRecord[]): string[] {
  const text = cellsOf(picture, columns * rows)
    .map(sign)
    .join('');
  const lines = Array.from({ length: rows }, (_, row) =>
    text.slice(row * columns, (row + 1) * columns),
  );
  const cellBytes = formatBytes(picture.deviceBytes / (columns * rows));
  const seen = isOfLastRun(picture, records) ? '' : `; seen ${formatInstant(picture.takenAt)}`;
  return [
    '',
    ...lines.map((line) => `  ${line}`),
    `  one cell is ${cellBytes}: · free, ░ to █ used, X different, ? not proven${seen}`,
  ];
}

function sign(cell: Cell): string {
  const kind = kindOf(cell);
  if (kind === 'different') return 'X';
  if (kind === 'unproven') return '?';
  return kind === 'free' ? '·' : (['░', '▒', '▓', '█'][Math.ceil(cell.used * 4) - 1] ?? '█');
}

function rangeLines(picture: VolumePicture): string[] {
  const { shown, omitted } = foundRanges(picture, mostRanges);
  if (shown.length === 0 && omitted === 0) return [];
  const header = ['Start', 'Length', 'Answer', 'What lies there'];
  const cells = shown.map(({ start, length, answer, what }) =>
    [String(start), String(length), answer, what].map(visible),
  );
  const more = omitted === 0 ? [] : [`  and ${formatCount(omitted)} more ranges`];
  return ['', ...table([header, ...cells], [true, true, false, false]), ...more];
}

function runLines(records: readonly RunRecord[]): string[] {
  if (records.length === 0) return [];
  const header = runColumns.map(({ title }) => title);
  const last = records.slice(-mostRuns).reverse();
  const cells = last.map((run) => runColumns.map(({ cell }) => cell(run)));
  const lines = table(
    [header, ...cells],
    runColumns.map(({ isNumber }) => isNumber),
  );
  return [
    '',
    ...lines.flatMap((line, index) => {
      const error = last[index - 1]?.error ?? null;
      return error === null ? [line] : [line, `    ${visible(error.message)}`];
    }),
  ];
}

/** Lines of aligned columns, two spaces apart, numbers to the right. */
function table(cells: readonly (readonly string[])[], isNumber: readonly boolean[]): string[] {
  const widths = isNumber.map((_, column) =>
    cells.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0),
  );
  return cells.map((row) => {
    const padded = row.map((text, column) => {
      const width = widths[column] ?? 0;
      return isNumber[column] === true ? text.padStart(width) : text.padEnd(width);
    });
    return `  ${padded.join('  ')}`.trimEnd();
  });
}
