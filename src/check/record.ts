/** Makes the history's record from a verification's report. */

import type { PairConfig } from '../config/index.js';
import { type ExitCode, exitCodes, type FastsyncError } from '../errors.js';
import {
  mostPictureRanges,
  pictureSchema,
  recordSchema,
  type RunOutcome,
  type RunRecord,
  type UnprovenRange,
  type VolumePicture,
} from '../history/index.js';
import { totalBytes, union, usedExtents } from '../region/index.js';
import { usedShares } from '../report/index.js';
import {
  annotate,
  causes,
  type NamedRange,
  unprovenBytes,
  verdictOf,
  type VerifyReport,
} from '../sync/index.js';

type Record = RunRecord & { readonly exitCode: ExitCode };

const codes = {
  equal: exitCodes.done,
  different: exitCodes.different,
  'not proven': exitCodes.incomplete,
  interrupted: exitCodes.interrupted,
} as const;

/** The record of a run with a report. `isFresh`: unfinished, but successful nevertheless. */
export function recordOf(pair: PairConfig, report: VerifyReport, isFresh: boolean): Record {
  const { map, answers, missing, repair, oldestProof } = report;
  const verdict = verdictOf(report);
  const different = union(answers.different, missing);
  // Everything compared was equal, and no proof is too old.
  const outcome: RunOutcome = isFresh ? 'equal' : verdict;
  return {
    ...beginning(pair, report.startedAt),
    seconds: inMilliseconds(report.seconds),
    outcome,
    exitCode: isFresh ? exitCodes.done : codes[verdict],
    filesystem: {
      type: map.filesystem.type,
      uuid: map.filesystem.uuid,
      label: map.filesystem.label,
    },
    deviceBytes: map.deviceBytes,
    usedBytes: totalBytes(usedExtents(map.ranges)),
    comparedBytes: report.result.comparedBytes,
    differentBytes: totalBytes(different),
    differentRanges: different.length / 2,
    notProvenBytes: unprovenBytes(answers),
    notProvenRanges: causes.reduce((sum, cause) => sum + answers.notProven[cause].length / 2, 0),
    repairedBytes: repair === null ? 0 : totalBytes(repair.repaired),
    oldestProof: oldestProof === null ? null : new Date(oldestProof).toISOString(),
    error: null,
  };
}

/** The record of a run that could not begin, or failed. Times in milliseconds. */
export function failedRecord(
  pair: PairConfig,
  startedAt: number,
  seconds: number,
  error: FastsyncError,
): Record {
  return {
    ...beginning(pair, startedAt),
    seconds: inMilliseconds(seconds),
    outcome: error.exitCode === exitCodes.interrupted ? 'interrupted' : 'failed',
    exitCode: error.exitCode,
    filesystem: null,
    deviceBytes: null,
    usedBytes: null,
    comparedBytes: 0,
    differentBytes: 0,
    differentRanges: 0,
    notProvenBytes: 0,
    notProvenRanges: 0,
    repairedBytes: 0,
    oldestProof: null,
    error: { code: error.code, message: error.message },
  };
}

function beginning(pair: PairConfig, startedAt: number) {
  return {
    schema: recordSchema,
    pair: pair.name,
    startedAt: new Date(startedAt).toISOString(),
    source: pair.src,
    target: pair.dst,
  } as const;
}

function inMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

const cells = 4096;

/** The volume as this run found it. */
export function pictureOf({ map, answers, missing }: VerifyReport): VolumePicture {
  const different = first(annotate(map, union(answers.different, missing)));
  const unproven = causes.flatMap((cause) => {
    const { kept, omitted } = first(annotate(map, answers.notProven[cause]));
    return { kept: kept.map((range): UnprovenRange => ({ ...range, cause })), omitted };
  });
  const notProven = unproven.flatMap(({ kept }) => kept).sort((a, b) => a.start - b.start);
  const dropped = Math.max(0, notProven.length - mostPictureRanges);
  return {
    schema: pictureSchema,
    deviceBytes: map.deviceBytes,
    // Four digits are more precise than a screen.
    used: [...usedShares(map.ranges, map.deviceBytes, cells)].map((share) => round4(share)),
    different: different.kept,
    notProven: notProven.slice(0, mostPictureRanges),
    omittedRanges:
      unproven.reduce((sum, { omitted }) => sum + omitted, different.omitted) + dropped,
    takenAt: new Date().toISOString(),
  };
}

function first(ranges: Iterable<NamedRange>): { kept: NamedRange[]; omitted: number } {
  const kept: NamedRange[] = [];
  let omitted = 0;
  for (const range of ranges) {
    if (kept.length < mostPictureRanges) kept.push(range);
    else omitted++;
  }
  return { kept, omitted };
}

function round4(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
