/** A paragraph for each pair with a problem, for cron's mail. */

import { exitCodes } from '../errors.js';
import type { RunRecord } from '../history/index.js';
import {
  formatAge,
  formatBytes,
  formatInstant,
  type RangeEvent,
  visible,
} from '../report/index.js';
import { rangeEvents } from '../sync/index.js';
import type { PairResult } from './types.js';
import { closerLook, repairCommand } from './words.js';

/** Enough ranges to see the kind of damage. */
const mostRanges = 5;

export interface ParagraphContext {
  readonly configPath: string;
  readonly stateDirectory: string;
}

/** Ends with an empty line; null if there is nothing to report. */
export function paragraphOf(result: PairResult, context: ParagraphContext): string | null {
  const { record, report, error, notes } = result;
  // A repaired replica is reported too: something made it differ.
  if (record.exitCode === exitCodes.done && record.repairedBytes === 0) return null;
  const doubts = report?.doubts.map((doubt) => `In doubt: ${doubt}.`) ?? [];
  const warnings = notes
    .filter(({ severity }) => severity === 'warning')
    .map(({ message }) => `Warning: ${message}.`);
  // The option of the command line is a setting of the pair here.
  const remedy = error?.remedy?.replace(/--allow-([\w-]+)/, 'in the configuration, allow: [$1]');
  const lines = [
    ...(remedy === undefined ? [] : [`To do: ${remedy}.`]),
    ...(result.staleness === null ? [] : ['To do: set a longer maxTime or a larger maxAge.']),
    ...rangeLines(result),
    ...doubts,
    ...warnings,
    ...(record.exitCode === exitCodes.done ? [] : [lastSuccess(result.earlier)]),
    ...proofLines(result),
    ...commandLines(result, context),
  ];
  const body = lines.map((line) => `  ${visible(line)}\n`).join('');
  return `${record.pair}: ${visible(headline(result))}.\n${body}\n`;
}

function headline({ record, error, staleness }: PairResult): string {
  const { source, target, outcome, filesystem, deviceBytes } = record;
  if (error !== null) {
    const what = outcome === 'interrupted' ? 'INTERRUPTED' : 'NOT CHECKED';
    return `${what}: ${error.message}`;
  }
  const size = `${filesystem?.type ?? 'unknown'}, ${formatBytes(deviceBytes ?? 0)}`;
  const findings = [
    counted(record.differentBytes, record.differentRanges, 'differ'),
    counted(record.notProvenBytes, record.notProvenRanges, 'could not be proven equal'),
    record.repairedBytes > 0
      ? `${formatBytes(record.repairedBytes)} differed and were repaired`
      : '',
    staleness ?? '',
  ].filter((text) => text !== '');
  const found = findings.length === 0 ? '' : `: ${findings.join('; ')}`;
  const label = outcome === 'equal' ? 'REPAIRED' : outcome.toUpperCase();
  return `${label}: ${target} against ${source} (${size})${found}`;
}

function counted(bytes: number, ranges: number, what: string): string {
  if (ranges === 0) return '';
  return `${formatBytes(bytes)} in ${ranges === 1 ? 'one range' : `${ranges} ranges`} ${what}`;
}

function rangeLines({ report }: PairResult): string[] {
  if (report === null) return [];
  const lines: string[] = [];
  let others = 0;
  for (const event of rangeEvents(report)) {
    if (lines.length < mostRanges) lines.push(rangeLine(event));
    else others++;
  }
  if (others > 0) lines.push(others === 1 ? 'and one more range' : `and ${others} more ranges`);
  return lines;
}

function rangeLine({ answer, cause, repaired, start, length, what }: RangeEvent): string {
  const label = repaired ? 'repaired' : cause === null ? answer : `${answer} (${cause})`;
  return `${label} at byte ${start}, ${length} bytes: ${what}`;
}

/** When a check of this pair last ended with exit code 0. */
function lastSuccess(earlier: readonly RunRecord[]): string {
  const last = earlier.findLast(({ exitCode }) => exitCode === exitCodes.done);
  if (last !== undefined) return `Last success: ${moment(last.startedAt)}.`;
  const [first] = earlier;
  return first === undefined
    ? 'Last success: never; this is the first check.'
    : `Last success: never since the first check, ${moment(first.startedAt)}.`;
}

function proofLines({ record, earlier }: PairResult): string[] {
  // A failed run knows nothing about proofs; use the one before it.
  const known = [...earlier, record].findLast(({ outcome }) => outcome !== 'failed');
  if (known === undefined) return [];
  const { oldestProof } = known;
  return [
    oldestProof === null
      ? 'Oldest proof: a part was never proven.'
      : `Oldest proof: ${moment(oldestProof)}.`,
  ];
}

function commandLines({ pair, record }: PairResult, context: ParagraphContext): string[] {
  if (record.exitCode === exitCodes.locked || record.exitCode === exitCodes.done) return [];
  const look = `Look closer: ${closerLook(pair, context.stateDirectory)}`;
  if (record.differentRanges === 0) return [look];
  return [look, `Repair: ${repairCommand(pair, context.configPath)}`];
}

/** "2026-03-01 02:30 UTC, 26 h ago" */
function moment(iso: string): string {
  const age = formatAge(Math.max(0, (Date.now() - Date.parse(iso)) / 1000));
  return `${formatInstant(iso)}, ${age} ago`;
}
