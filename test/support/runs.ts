/** Histories of a pair, as its nightly checks would have left them. */

import {
  pictureSchema,
  recordSchema,
  type RunRecord,
  type VolumePicture,
} from '../../src/history/index.js';
import type { PairReport } from '../../src/report/index.js';

const dayMs = 86_400_000;
const firstMs = Date.parse('2026-01-01T02:00:00Z');

/** The run of one night, the first being 0: equal, unless told otherwise. */
export function runOf(night: number, changes: Partial<RunRecord> = {}): RunRecord {
  const startedAt = new Date(firstMs + night * dayMs).toISOString();
  return {
    schema: recordSchema,
    pair: 'mail',
    startedAt,
    seconds: 60,
    outcome: 'equal',
    exitCode: 0,
    source: '/dev/vg0/mail',
    target: '/dev/vg1/mail',
    filesystem: { type: 'ext4', uuid: null, label: null },
    deviceBytes: 2 ** 30,
    usedBytes: 2 ** 29,
    comparedBytes: 2 ** 29,
    differentBytes: 0,
    differentRanges: 0,
    notProvenBytes: 0,
    notProvenRanges: 0,
    repairedBytes: 0,
    oldestProof: startedAt,
    error: null,
    ...changes,
  };
}

/** A picture of a volume in use from end to end, unless told otherwise. */
export function pictureOf(changes: Partial<VolumePicture> = {}): VolumePicture {
  return {
    schema: pictureSchema,
    deviceBytes: 2 ** 30,
    used: [1],
    different: [],
    notProven: [],
    omittedRanges: 0,
    takenAt: new Date(firstMs).toISOString(),
    ...changes,
  };
}

/** A report made an hour after the last run. */
export function reportOf(
  records: readonly RunRecord[],
  changes: Partial<PairReport> = {},
): PairReport {
  const last = records.at(-1)?.startedAt ?? new Date(firstMs).toISOString();
  return {
    pair: 'mail',
    source: '/dev/vg0/mail',
    target: '/dev/vg1/mail',
    records,
    picture: null,
    madeAt: new Date(Date.parse(last) + 3_600_000).toISOString(),
    ...changes,
  };
}
