/** What a seed did, in sentences for people and figures for programs. */

import type { UsedMap } from '../../../fsparsers/index.js';
import { describeFailure } from '../../engine/index.js';
import { exitCodes } from '../../errors.js';
import { eachExtent } from '../../region/index.js';
import { formatBytes, formatDuration, formatRate } from '../../report/index.js';
import type {
  OnlineResult,
  Plan,
  PreparedSeed,
  SeedOptions,
  SeedResult,
  OpenTarget,
} from '../../sync/index.js';
import { type Volume, overrides } from '../../volume/index.js';
import type { Outcome } from '../run.js';

export interface SeedSubject {
  readonly source: Volume;
  readonly targets: readonly OpenTarget[];
  readonly map: UsedMap;
  readonly plan: Plan;
}

type Fact = readonly [label: string, value: string];

/** The summary of a run that ended, in whatever way. */
export function describeSeed(
  subject: SeedSubject,
  options: SeedOptions,
  result: SeedResult,
  seconds: number,
  online: OnlineResult | null = null,
): Outcome {
  const [outcome, exitCode] = result.interrupted
    ? (['interrupted', exitCodes.interrupted] as const)
    : isIncomplete(subject, result)
      ? (['incomplete', exitCodes.incomplete] as const)
      : (['done', exitCodes.done] as const);
  const facts: Fact[] = [
    headline(subject, outcome),
    ...copyFacts(subject.plan, result, seconds),
    ...(options.verify
      ? [['verified', `${formatBytes(result.verifiedBytes)} read back`] as const]
      : []),
    ...(online === null ? [] : onlineFacts(online)),
    ...failureFacts(subject, result),
    ...signatureFacts(subject, result),
    ...badFacts(result),
    ...truncationFacts(subject.plan),
  ];
  if (result.unpublished !== null) facts.push(['not published', result.unpublished.message]);
  if (result.interrupted) facts.push(['left', unfinished(subject)]);
  if (result.interrupted) facts.push(['to resume', 'run the same command again']);
  const figures = figuresOf(subject, result);
  const left = result.interrupted || result.unpublished !== null ? leftFigures(subject) : {};
  return { outcome, exitCode, facts, figures: { ...figures, ...left, ...onlineFigures(online) } };
}

function isIncomplete({ plan }: SeedSubject, result: SeedResult): boolean {
  return (
    result.badRanges.length > 0 ||
    result.targetFailures.some((failure) => failure !== null) ||
    result.unpublished !== null ||
    result.probedOtherwise.some((lines) => lines.length > 0) ||
    plan.truncatedBytes > 0 ||
    plan.cutBytes > 0
  );
}

function onlineFacts({ cutover, mapFreezeMs }: OnlineResult): Fact[] {
  const forMap = `${Math.ceil(mapFreezeMs)} ms for the map`;
  if (cutover === null) return [['frozen', forMap]];
  const { frozenBytes, freezeCallMs, heldMs, consistentAt } = cutover;
  const forCutover = Math.ceil(freezeCallMs + heldMs);
  return [
    ['consistent at', consistentAt],
    ['recopied', recopied(cutover)],
    [
      'frozen',
      `${forMap}, ${forCutover} ms for the cutover (${formatBytes(frozenBytes)} read while frozen)`,
    ],
  ];
}

/** What was written meanwhile went one of two ways, and either may be all of it. */
function recopied({ rounds, recopiedBytes, bufferedBytes }: NonNullable<OnlineResult['cutover']>) {
  const buffered = `${formatBytes(bufferedBytes)} through memory at the cutover`;
  if (rounds === 0) return `${buffered}, after no rounds`;
  const what = rounds === 1 ? '1 round' : `${rounds} rounds`;
  return `${formatBytes(recopiedBytes)} in ${what}, ${buffered}`;
}

function onlineFigures(online: OnlineResult | null) {
  if (online === null) return {};
  return { mapFreezeMs: online.mapFreezeMs, cutover: online.cutover };
}

function headline({ source, targets, map }: SeedSubject, outcome: Outcome['outcome']): Fact {
  const label = { done: 'seeded', interrupted: 'interrupted' }[outcome as string] ?? 'incomplete';
  const names = targets.map(({ volume }) => volume.identity.path).join(', ');
  return [
    label,
    `${names} from ${source.identity.path} (${map.filesystem.type}, ${formatBytes(map.deviceBytes)})`,
  ];
}

/** Whatever the first MiB holds comes last: before it was written, no tool finds anything there. */
function unfinished({ targets }: SeedSubject): string {
  const names = targets.map(({ volume }) => volume.identity.path).join(', ');
  return `${names} ${targets.length === 1 ? 'is unfinished and has' : 'are unfinished and have'} no signature`;
}

/** As of a run that ended before it had a result. */
function leftFigures({ targets }: SeedSubject) {
  return { unfinished: targets.map(({ volume }) => volume.identity.path) };
}

function copyFacts(plan: Plan, result: SeedResult, seconds: number): Fact[] {
  const { readBytes, resumedBytes, identicalBytes, zeroBytes } = result;
  const rate = seconds > 0 ? `, ${formatRate(readBytes / seconds)}` : '';
  const facts: Fact[] = [
    ['copied', `${formatBytes(readBytes)} in ${formatDuration(seconds)}${rate}`],
    ['skipped', `${formatBytes(plan.freeBytes)} of free space`],
  ];
  if (resumedBytes > 0)
    facts.push(['resumed', `${formatBytes(resumedBytes)} copied by an earlier run`]);
  if (identicalBytes > 0)
    facts.push(['identical', `${formatBytes(identicalBytes)} already equal, not written`]);
  if (zeroBytes > 0)
    facts.push(['zeroes', `${formatBytes(zeroBytes)} written as holes or by write-zeroes`]);
  return facts;
}

function failureFacts({ targets }: SeedSubject, { targetFailures }: SeedResult): Fact[] {
  return targets.flatMap(({ volume }, index): Fact[] => {
    const failure = targetFailures[index];
    if (failure === null || failure === undefined) return [];
    const what = describeFailure(failure, volume.identity.path);
    return [['failed', `${what}; it has no signature`]];
  });
}

/** What became of signatures that nothing copied lies over. */
function signatureFacts({ targets }: SeedSubject, { wiped, probedOtherwise }: SeedResult): Fact[] {
  return targets.flatMap(({ volume: { identity } }, index): Fact[] => [
    ...(wiped[index] ?? []).map((what): Fact => ['wiped', `${what} of ${identity.path}`]),
    ...(probedOtherwise[index] ?? []).map((what): Fact => [
      'probes differently',
      `${identity.path}: ${what}`,
    ]),
  ]);
}

function truncationFacts({ truncatedBytes, cutBytes }: Plan): Fact[] {
  if (truncatedBytes === 0) {
    if (cutBytes === 0) return [];
    const what = `${formatBytes(cutBytes)} of free space that the file system claims`;
    return [['left out', `${what}, past the end of the target: it cannot be mounted there`]];
  }
  return [
    ['left out', `${formatBytes(truncatedBytes)} of used ranges, past the end of the target`],
  ];
}

const listedRanges = 10;

function badFacts({ badRanges }: SeedResult): Fact[] {
  const all = [...eachExtent(badRanges)];
  const facts = all
    .slice(0, listedRanges)
    .map(({ start, length }): Fact => ['unreadable', `${formatBytes(length)} at byte ${start}`]);
  const more = all.length - facts.length;
  if (more > 0) facts.push(['unreadable', `${more} more ranges; --rescue-map lists all of them`]);
  return facts;
}

function figuresOf({ source, targets, map, plan }: SeedSubject, result: SeedResult) {
  const { badRanges, targetFailures, wiped, probedOtherwise, interrupted: _, ...counts } = result;
  return {
    source: source.identity.path,
    targets: targets.map(({ volume }, index) => ({
      path: volume.identity.path,
      failure: targetFailures[index] ?? null,
      wiped: wiped[index] ?? [],
      probedOtherwise: probedOtherwise[index] ?? [],
    })),
    filesystem: { type: map.filesystem.type, uuid: map.filesystem.uuid },
    deviceBytes: map.deviceBytes,
    usedBytes: plan.usedBytes,
    freeBytes: plan.freeBytes,
    copiedBytes: plan.copyBytes,
    ...counts,
    badRanges: [...eachExtent(badRanges)],
  };
}

/** What a run would do, without having done any of it. Refused runs end with the refusals' exit code. */
export function describePlan(prepared: PreparedSeed, options: SeedOptions): Outcome {
  const { source, map, plan, targets, refusals } = prepared;
  const names = targets.map(({ path, facts }) => (facts === null ? `${path} (a new file)` : path));
  const facts: Fact[] = [
    [
      'would copy',
      `${formatBytes(plan.copyBytes)} of ${source.identity.path} (${map.filesystem.type})`,
    ],
    ['to', names.join(', ')],
    [
      'would skip',
      `${formatBytes(plan.freeBytes)} of free space, which on the target is ${freeTexts[options.free]}`,
    ],
    ...truncationFacts(plan),
    ...refusals.map(({ code, message }): Fact => [
      'refused',
      `${message} (--${overrides[code]} overrides)`,
    ]),
  ];
  return {
    outcome: refusals.length > 0 ? 'failed' : 'done',
    exitCode: refusals.length > 0 ? exitCodes.refused : exitCodes.done,
    facts,
    figures: {
      source: source.identity.path,
      targets: targets.map(({ path, facts: known }) => ({ path, exists: known !== null })),
      deviceBytes: map.deviceBytes,
      usedBytes: plan.usedBytes,
      freeBytes: plan.freeBytes,
      copyBytes: plan.copyBytes,
      refusals,
    },
  };
}

const freeTexts: Readonly<Record<SeedOptions['free'], string>> = {
  skip: 'left alone',
  discard: 'discarded',
  zero: 'zeroed',
};
