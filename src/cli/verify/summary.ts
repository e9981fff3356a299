/** What a verification found, in sentences for people and figures for programs. */

import { exitCodes } from '../../errors.js';
import { type ExtentList, totalBytes, union } from '../../region/index.js';
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatRate,
  type Reporter,
} from '../../report/index.js';
import {
  causes,
  rangeEvents,
  unprovenBytes,
  type Verdict,
  verdictOf,
  type VerifyReport,
  halfRepairedState,
} from '../../sync/index.js';
import type { Outcome } from '../run.js';

type Fact = readonly [label: string, value: string];

const endings = {
  equal: ['done', exitCodes.done],
  different: ['different', exitCodes.different],
  'not proven': ['incomplete', exitCodes.incomplete],
  interrupted: ['interrupted', exitCodes.interrupted],
} as const satisfies Record<Verdict, readonly [Outcome['outcome'], number]>;

/** Reports every range that is not equal, then gives the summary of the whole run. */
export function describeVerification(report: VerifyReport, reporter: Reporter): Outcome {
  const verdict = verdictOf(report);
  const [outcome, exitCode] = endings[verdict];
  for (const event of rangeEvents(report)) reporter.report(event);
  const facts: Fact[] = [
    headline(report, verdict),
    ...comparedFacts(report),
    ...differenceFacts(report),
    ...notProvenFacts(report),
    ...(verdict === 'different' ? [] : proofFacts(report)),
    ...report.doubts.map((doubt): Fact => ['in doubt', doubt]),
  ];
  if (report.repair?.interrupted === true)
    facts.push(['left', `${report.target.path} ${halfRepairedState}`]);
  if (verdict === 'interrupted') facts.push(['to resume', 'run the same command again']);
  return { outcome, exitCode, facts, figures: { verdict, ...figuresOf(report) } };
}

function headline({ source, target, map }: VerifyReport, verdict: Verdict): Fact {
  const what = `${target.path} and ${source.path} (${map.filesystem.type}, ${formatBytes(map.deviceBytes)})`;
  return [verdict, what];
}

function comparedFacts({ result, seconds, map, span, workList }: VerifyReport): Fact[] {
  const { comparedBytes, resumedAtBytes, stoppedAtBytes } = result;
  const rate = seconds > 0 ? `, ${formatRate(comparedBytes / seconds)}` : '';
  const leftOut = span.stopBytes - span.startBytes - totalBytes(workList);
  const facts: Fact[] = [
    ['compared', `${formatBytes(comparedBytes)} in ${formatDuration(seconds)}${rate}`],
  ];
  if (leftOut > 0) facts.push(['left out', `${formatBytes(leftOut)} of free space`]);
  if (span.startBytes > 0 || span.stopBytes < map.deviceBytes) {
    facts.push(['only', `bytes ${span.startBytes} to ${span.stopBytes} of ${map.deviceBytes}`]);
  }
  if (resumedAtBytes > span.startBytes) {
    facts.push(['resumed', `at byte ${resumedAtBytes}, where an earlier run stopped`]);
  }
  if (stoppedAtBytes !== null) {
    facts.push(['stopped', `at byte ${stoppedAtBytes}; the next run resumes there`]);
  }
  return facts;
}

function differenceFacts({ answers, missing, repair }: VerifyReport): Fact[] {
  const facts: Fact[] = [];
  if (repair !== null) facts.push(['repaired', countOf(repair.repaired)]);
  if (answers.different.length > 0) facts.push(['different', countOf(answers.different)]);
  if (missing.length > 0) {
    facts.push(['missing', `${countOf(missing)}: past the end of the smaller target`]);
  }
  return facts;
}

const causeTexts = {
  unreadable: 'unreadable on one side or both',
  changing: 'still being written',
  unstable: 'two reads differ although nothing was written: suspect memory, cables or disks',
} as const;

function notProvenFacts({ answers }: VerifyReport): Fact[] {
  return causes
    .filter((cause) => answers.notProven[cause].length > 0)
    .map((cause) => ['not proven', `${countOf(answers.notProven[cause])}: ${causeTexts[cause]}`]);
}

function proofFacts({ result, startedAt, oldestProof }: VerifyReport): Fact[] {
  if (oldestProof === null && result.stoppedAtBytes !== null) {
    return [['oldest proof', 'none yet past that byte']];
  }
  // Of a run that went through in one go it is as old as the run, and that is no news.
  if (oldestProof === null || oldestProof >= startedAt) return [];
  return [['oldest proof', `${formatAge(Math.max(0, Date.now() - oldestProof) / 1000)} old`]];
}

function countOf(list: ExtentList): string {
  const count = list.length / 2;
  return `${formatBytes(totalBytes(list))} in ${count === 1 ? 'one range' : `${count} ranges`}`;
}

function figuresOf(report: VerifyReport) {
  const { source, target, map, span, workList, missing, result, repair, answers } = report;
  const different = union(answers.different, missing);
  return {
    source: source.path,
    target: target.path,
    filesystem: { type: map.filesystem.type, uuid: map.filesystem.uuid },
    deviceBytes: map.deviceBytes,
    ...span,
    workBytes: totalBytes(workList),
    comparedBytes: result.comparedBytes,
    differentBytes: totalBytes(different),
    differentRanges: different.length / 2,
    notProvenBytes: unprovenBytes(answers),
    notProvenRanges: causes.reduce((sum, cause) => sum + answers.notProven[cause].length / 2, 0),
    repairedBytes: repair === null ? 0 : totalBytes(repair.repaired),
    resumedAtBytes: result.resumedAtBytes,
    stoppedAtBytes: result.stoppedAtBytes,
    writtenDuringRun: result.writtenDuringRun,
    oldestProof: report.oldestProof === null ? null : new Date(report.oldestProof).toISOString(),
    doubts: report.doubts,
    backend: result.backend,
  };
}
