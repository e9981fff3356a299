/**
 * The facts of a report about a pair and its runs, besides the verdict: the same for the page and the
 * terminal.
 */

import type { PictureRange, RunRecord, VolumePicture } from '../history/index.js';
import { formatInstant } from './instant.js';
import type { PairReport } from './pair-report.js';
import { formatAge, formatBytes, formatDuration, formatRate } from './units.js';

export interface PairFact {
  readonly name: string;
  readonly value: string;
  /** A path or an identifier, shown verbatim. */
  readonly isVerbatim: boolean;
}

/** The facts at the top of a report. A run that failed early knows few; the newest run that knows them provides them. */
export function pairFacts({ source, target, records, picture, madeAt }: PairReport): PairFact[] {
  const newest = (figure: 'deviceBytes' | 'usedBytes') =>
    records.findLast((run) => run[figure] !== null)?.[figure] ?? null;
  const filesystem = records.findLast((run) => run.filesystem !== null)?.filesystem ?? null;
  const deviceBytes = newest('deviceBytes') ?? picture?.deviceBytes ?? null;
  const usedBytes = newest('usedBytes');
  const label = filesystem?.label == null ? '' : `, "${filesystem.label}"`;
  const last = records.at(-1);
  const known: readonly (readonly [string, string | null, boolean])[] = [
    ['Source', source, true],
    ['Target', target, true],
    ['File system', filesystem && `${filesystem.type}${label}`, false],
    ['UUID', filesystem?.uuid ?? null, true],
    ['Size', deviceBytes === null ? null : formatBytes(deviceBytes), false],
    ['In use', usedBytes === null ? null : formatBytes(usedBytes), false],
    ['Last run', last === undefined ? null : `${ageAt(madeAt, last.startedAt)} ago`, false],
    ['Oldest proof', last === undefined ? null : oldestProof(last, madeAt), false],
  ];
  return known.flatMap(([name, value, isVerbatim]) =>
    value === null ? [] : [{ name, value, isVerbatim }],
  );
}

function oldestProof(last: RunRecord, madeAt: string): string {
  return last.oldestProof === null
    ? 'a part was never proven'
    : `${ageAt(madeAt, last.oldestProof)} old`;
}

/** How long before `now` it was. */
export function ageAt(now: string, time: string): string {
  return formatAge(Math.max(0, (Date.parse(now) - Date.parse(time)) / 1000));
}

/** The age of the oldest proof when the run ended; null: a part of the volume had none. */
export function proofAgeSeconds({ startedAt, seconds, oldestProof }: RunRecord): number | null {
  if (oldestProof === null) return null;
  return Math.max(0, (Date.parse(startedAt) - Date.parse(oldestProof)) / 1000 + seconds);
}

export interface RunColumn {
  readonly title: string;
  readonly isNumber: boolean;
  readonly cell: (run: RunRecord) => string;
}

/** The columns of the table of runs. Zero is shown as "0", without a unit. */
export const runColumns: readonly RunColumn[] = [
  column('Started, UTC', false, ({ startedAt }) => formatInstant(startedAt).replace(' UTC', '')),
  column('Outcome', false, ({ outcome }) => outcome),
  column('Duration', true, ({ seconds }) => formatDuration(seconds)),
  column('Compared', true, ({ comparedBytes }) => amount(comparedBytes)),
  column('Rate', true, ({ comparedBytes, seconds }) =>
    comparedBytes > 0 && seconds > 0 ? formatRate(comparedBytes / seconds) : '0',
  ),
  column('Different', true, ({ differentBytes }) => amount(differentBytes)),
  column('Not proven', true, ({ notProvenBytes }) => amount(notProvenBytes)),
  column('Repaired', true, ({ repairedBytes }) => amount(repairedBytes)),
  column('Oldest proof', true, (run) => {
    const age = proofAgeSeconds(run);
    return age === null ? 'never' : formatAge(age);
  }),
];

function column(title: string, isNumber: boolean, cell: RunColumn['cell']): RunColumn {
  return { title, isNumber, cell };
}

function amount(bytes: number): string {
  return bytes === 0 ? '0' : formatBytes(bytes);
}

export interface FoundRange extends PictureRange {
  /** "different", "not proven: unreadable". */
  readonly answer: string;
  readonly isDifferent: boolean;
}

/** The ranges that were not equal, by offset: at most `most`, and the number of ranges left out. */
export function foundRanges(
  picture: VolumePicture,
  most: number,
): { readonly shown: readonly FoundRange[]; readonly omitted: number } {
  const found = [
    ...picture.different.map((range) => ({ ...range, answer: 'different', isDifferent: true })),
    ...picture.notProven.map((range) => ({
      ...range,
      answer: `not proven: ${range.cause}`,
      isDifferent: false,
    })),
  ].sort((a, b) => a.start - b.start);
  const omitted = picture.omittedRanges + Math.max(0, found.length - most);
  return { shown: found.slice(0, most), omitted };
}

/** Whether the picture is of the last run: a run that could not read the volume takes none. */
export function isOfLastRun(picture: VolumePicture, records: readonly RunRecord[]): boolean {
  const last = records.at(-1);
  return last !== undefined && Date.parse(picture.takenAt) >= Date.parse(last.startedAt);
}
