/** Scores as a Markdown table, with ratios to the first row: ours. */

import type { Score } from './measure.js';

/** Wall time, CPU time and memory as medians; the ratio says how many times ours the others take. */
export function scoreTable(title: string, scores: readonly Score[]): string {
  const [ours] = scores;
  if (ours === undefined) return '';
  const ratio = (value: number, base: number) => (base > 0 ? (value / base).toFixed(2) : '-');
  return [
    `### ${title}`,
    '',
    `Medians of ${ours.rounds} rounds.`,
    '',
    '| tool | wall s | of fastsync | CPU s | of fastsync | peak MiB |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...scores.map(
      (score) =>
        `| ${score.name} | ${score.wallSeconds.toFixed(2)} | ${ratio(score.wallSeconds, ours.wallSeconds)} ` +
        `| ${score.cpuSeconds.toFixed(2)} | ${ratio(score.cpuSeconds, ours.cpuSeconds)} ` +
        `| ${score.peakMebibytes.toFixed(0)} |`,
    ),
    '',
  ].join('\n');
}

/** Any rows under their heads: the first column text, the others figures. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = heads.map((_, index) => (index === 0 ? '---' : '---:'));
  return [heads, rule, ...rows].map(line).join('\n');
}
