/** What is known about a pair of volumes, in one sentence that claims no more than the runs have proven. */

import type { RunRecord } from '../history/index.js';
import { formatInstant } from './instant.js';
import type { PairReport } from './pair-report.js';
import { formatAge, formatBytes } from './units.js';
import { visible } from './visible.js';

/** The certainty: selects the colour and the symbol, not the words. */
export type Certainty = 'equal' | 'different' | 'doubtful' | 'unknown';

export interface PairVerdict {
  readonly certainty: Certainty;
  /** One or two words: "Equal". */
  readonly headline: string;
  /** One sentence with a full stop. */
  readonly sentence: string;
}

/** The verdict as of the last run. */
export function pairVerdict(report: PairReport): PairVerdict {
  const last = report.records.at(-1);
  if (last === undefined) {
    const sentence = 'No run has been recorded: nothing is known about this pair.';
    return { certainty: 'unknown', headline: 'Never verified', sentence };
  }
  return describe[last.outcome](last, report);
}

type Describe = (last: RunRecord, report: PairReport) => PairVerdict;

const describe: Readonly<Record<RunRecord['outcome'], Describe>> = {
  equal: describeEqual,
  different: (last) => ({
    certainty: 'different',
    headline: 'Different',
    sentence: `On ${formatInstant(last.startedAt)}, ${counted(last.differentBytes, last.differentRanges)} of ${visible(last.target)} did not hold what ${visible(last.source)} holds${repaired(last)}${unproven(last)}.`,
  }),
  'not proven': (last) => ({
    certainty: 'doubtful',
    headline: 'Not proven',
    sentence: `On ${formatInstant(last.startedAt)} no difference was found, but ${counted(last.notProvenBytes, last.notProvenRanges)} could not be proven equal or different${repaired(last)}.`,
  }),
  interrupted: (last, report) => ({
    certainty: 'doubtful',
    headline: 'Interrupted',
    sentence: `The run of ${formatInstant(last.startedAt)} was stopped before its end; ${lastAnswer(report)}.`,
  }),
  failed: (last, report) => ({
    certainty: 'doubtful',
    headline: 'Failed',
    sentence: `The run of ${formatInstant(last.startedAt)} failed${reason(last)}; ${lastAnswer(report)}.`,
  }),
};

function describeEqual(last: RunRecord, { madeAt }: PairReport): PairVerdict {
  const compared = `On ${formatInstant(last.startedAt)}, ${formatBytes(last.comparedBytes)} of ${visible(last.source)} and ${visible(last.target)} were compared and found equal${repaired(last)}`;
  if (last.oldestProof === null) {
    return {
      certainty: 'doubtful',
      headline: 'Equal so far',
      sentence: `${compared}; a part of the volume has not been compared yet.`,
    };
  }
  const seconds = (Date.parse(madeAt) - Date.parse(last.oldestProof)) / 1000;
  const isOneRun = Date.parse(last.oldestProof) >= Date.parse(last.startedAt);
  const age = isOneRun ? '' : `; the oldest proof of any part is ${formatAge(seconds)} old`;
  return { certainty: 'equal', headline: 'Equal', sentence: `${compared}${age}.` };
}

/** The outcome of the last run with an answer; a failed run says nothing about the data. */
function lastAnswer({ records }: PairReport): string {
  const answered = records.findLast(({ outcome }) => answers.has(outcome));
  if (answered === undefined) return 'no run has finished yet';
  return `the last outcome is from ${formatInstant(answered.startedAt)}: ${answered.outcome}`;
}

const answers: ReadonlySet<string> = new Set(['equal', 'different', 'not proven']);

function reason({ error }: RunRecord): string {
  return error === null ? '' : ` (${visible(error.message)})`;
}

function unproven({ notProvenBytes, notProvenRanges }: RunRecord): string {
  if (notProvenBytes === 0) return '';
  return `; ${counted(notProvenBytes, notProvenRanges)} could not be proven equal or different`;
}

function repaired({ repairedBytes }: RunRecord): string {
  return repairedBytes === 0 ? '' : `, after ${formatBytes(repairedBytes)} were repaired`;
}

function counted(bytes: number, ranges: number): string {
  return `${formatBytes(bytes)} in ${ranges === 1 ? 'one range' : `${formatCount(ranges)} ranges`}`;
}

/** 1234567 becomes "1,234,567". */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
