/** One verification of a pair: prepares, compares, repairs if asked, and reports. */

import type { UsedMap } from '../../../fsparsers/index.js';
import type { ExtentList } from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import {
  fingerprintOf,
  type Volume,
  type Refusal,
  refusalError,
  type VolumeIdentity,
} from '../../volume/index.js';
import { orReport } from '../nonfatal.js';
import type { UnfinishedTargets } from '../unfinished-targets.js';
import { type Answers, causes } from './answers.js';
import { withProof, oldestProof } from './proof-ages.js';
import { prepareVerify, type PreparedVerify } from './prepare.js';
import type { VerifyRequest } from './request.js';
import { repair, type RepairResult } from './repair.js';
import type { Span } from './span.js';
import { sidesKey, VerifyStateFile } from './state-record.js';
import { layoutOf } from '../stray-signatures.js';
import { isWhole, strayDoubts, wipeStraysIn } from './stray-doubts.js';
import { verify, type VerifyOptions, type VerifyResult } from './verify.js';
import { countingDetector, firstWriteCounterOf, isUnwritten } from './write-detector.js';

export interface PairOptions extends VerifyOptions {
  readonly stateDirectory: string;
  /** Rejects if the run must not begin; default: rejects with the first refusal. */
  readonly resolveRefusals?: (refusals: readonly Refusal[]) => Promise<void>;
}

export interface PairContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Is told when a repair begins and when it is finished. */
  readonly unfinished?: UnfinishedTargets;
}

/** The complete result of a verification. */
export interface VerifyReport {
  readonly source: VolumeIdentity;
  readonly target: VolumeIdentity;
  readonly map: UsedMap;
  readonly span: Span;
  readonly workList: ExtentList;
  /** Used ranges after the end of a smaller target: they count as different, and cannot be repaired. */
  readonly missing: ExtentList;
  readonly result: VerifyResult;
  readonly repair: RepairResult | null;
  /** The final answer for every range: after the repair, if there was one. */
  readonly answers: Answers;
  /** Reasons why the volumes may not be equal although no difference was found; one sentence each. */
  readonly doubts: readonly string[];
  /**
   * Milliseconds since 1970: when the least recently proven part of the span was proven; null: a part was
   * never proven.
   */
  readonly oldestProof: number | null;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
}

export type Verdict = 'equal' | 'different' | 'not proven' | 'interrupted';

/** The answer for the whole run; an interrupted run has none. */
export function verdictOf(report: VerifyReport): Verdict {
  const { answers, missing, result, doubts } = report;
  if (result.interrupted || report.repair?.interrupted === true) return 'interrupted';
  if (answers.different.length > 0 || missing.length > 0) return 'different';
  const isProven =
    causes.every((cause) => answers.notProven[cause].length === 0) &&
    result.stoppedAtBytes === null &&
    doubts.length === 0;
  return isProven ? 'equal' : 'not proven';
}

/**
 * Verifies a pair. Rejects as openVolume() and mapVolume() do, with a refusal's error, with LOCKED (a
 * repair while another run writes the target), with EngineError and STATE_UNUSABLE.
 */
export async function verifyPair(
  request: VerifyRequest,
  options: PairOptions,
  context: PairContext,
): Promise<VerifyReport> {
  const startedAt = Date.now();
  const startedMs = performance.now();
  await using prepared = await prepareVerify({
    ...request,
    stateDirectory: options.stateDirectory,
    reporter: context.reporter,
  });
  for (const note of prepared.map.notes) context.reporter.report({ type: 'note', ...note });
  await (options.resolveRefusals ?? refuseAll)(prepared.refusals);
  await using target = await prepared.openTarget();
  const { source, span, workList, map } = prepared;
  const counters = [prepared.sourceCounter, await firstWriteCounterOf(target.volume)];
  const { comparator } = target;
  const detector = countingDetector([source, target.volume], counters, map.deviceBytes);
  const state = new VerifyStateFile(
    options.stateDirectory,
    source.identity.stableId,
    target.volume.identity.stableId,
    prepared.scope,
    sidesKey(map.filesystem, await fingerprintOf(source.identity), target.fingerprint),
  );
  const result = await verify({
    comparator,
    detector,
    workList,
    span,
    deviceBytes: map.deviceBytes,
    writeCounters: counters.map(({ value }) => value),
    state,
    options,
    ...context,
  });
  const needsRepair = request.repair && result.different.length > 0 && !result.interrupted;
  const work = { source, target: target.volume, comparator, detector, answers: result };
  const mend = () => repair({ ...work, ioOptions: options.ioOptions, ...context });
  // Differences are reported even if the repair fails or its proof cannot be saved.
  const repaired = needsRepair ? await orReport(mend, null, context) : null;
  const noted = (proven: ExtentList) => () => noteProofs(state, proven, span);
  const oldest = repaired === null ? null : await orReport(noted(repaired.repaired), null, context);
  return {
    ...sidesOf(prepared, target.volume),
    result,
    repair: repaired,
    answers: repaired?.answers ?? { different: result.different, notProven: result.notProven },
    doubts: [
      ...(await doubtsOf(prepared, target.volume, result)),
      ...(await strayDoubtsOf(prepared, target.volume, request)),
    ],
    oldestProof: repaired === null ? result.oldestProof : oldest,
    startedAt,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/** Runs after the repair, if there was one. With --yes, a repair wipes signatures that only the replica has. */
async function strayDoubtsOf(
  { source, map, span }: PreparedVerify,
  target: Volume,
  request: VerifyRequest,
): Promise<string[]> {
  if (!isWhole(span, map.deviceBytes)) return [];
  const { reader, identity } = source;
  const look = { target, source: { path: identity.path, reader }, layout: layoutOf(map) };
  if (request.repair && request.overrides.has('yes')) await wipeStraysIn(look);
  return strayDoubts(look);
}

/** The part of a report that describes the two sides and the work. */
export function sidesOf(
  { source, map, span, workList, missing }: PreparedVerify,
  target: Volume,
): Pick<VerifyReport, 'source' | 'target' | 'map' | 'span' | 'workList' | 'missing'> {
  return { source: source.identity, target: target.identity, map, span, workList, missing };
}

/** Repaired ranges have been read back from both sides, which makes them the newest proof. */
async function noteProofs(
  file: VerifyStateFile,
  proven: ExtentList,
  { startBytes, stopBytes }: Span,
): Promise<number | null> {
  const state = await file.load();
  if (state === null) return null;
  const proofAges = withProof(state.proofAges, proven, Date.now());
  await file.save({ ...state, proofAges });
  return oldestProof(proofAges, startBytes, stopBytes);
}

/** Rejects with the first refusal. */
export function refuseAll([first]: readonly Refusal[]): Promise<void> {
  return first === undefined ? Promise.resolve() : Promise.reject(refusalError(first));
}

async function doubtsOf(
  { source, sourceCounter }: PreparedVerify,
  target: Volume,
  { writtenDuringRun }: VerifyResult,
): Promise<string[]> {
  // Counted from before the map was read: ranges allocated since were not compared.
  const isUntouched = isUnwritten(sourceCounter, await source.writeCounter());
  if (writtenDuringRun !== true && isUntouched !== false) return [];
  const { path } = isUntouched === false ? source.identity : target.identity;
  return [
    `${path} was written during the run: ranges already compared may differ now, and newly allocated ranges were not compared`,
  ];
}
