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
