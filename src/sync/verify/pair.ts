/** The whole of one verification of a pair: prepared, compared, repaired if asked; one report at the end. */

import type { UsedMap } from '../../../fsparsers/index.js';
import type { ExtentList } from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import {
  type Volume,
  type Refusal,
  refusalError,
  type VolumeIdentity,
} from '../../volume/index.js';
import { afterwards } from '../unsaved.js';
import type { Touched } from '../touched.js';
import { type Answers, causes } from './answers.js';
import { volumeComparator } from './comparator.js';
import { entered, oldestProof } from './proof-ages.js';
import { prepareVerify, type PreparedVerify, type VerifyRequest } from './prepare.js';
import { repair, type RepairResult } from './repair.js';
import type { Span } from './span.js';
import { sidesKey, VerifyStateFile } from './state-record.js';
import { layoutOf } from '../strays.js';
import { isWhole, strayDoubts, wipeStraysIn } from './stray-doubts.js';
import { verify, type VerifyOptions, type VerifyResult } from './verify.js';
import { countingDetector, firstWriteCounterOf, isUnwritten } from './write-detector.js';

export interface PairOptions extends VerifyOptions {
  readonly stateDirectory: string;
  /** Rejects if the run must not begin; default: the first refusal ends it. */
  readonly resolveRefusals?: (refusals: readonly Refusal[]) => Promise<void>;
}

export interface PairContext {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Hears whether a repair has begun and is not finished. */
  readonly touched?: Touched;
}

/** Everything that a verification found out. */
export interface VerifyReport {
  readonly source: VolumeIdentity;
  readonly target: VolumeIdentity;
  readonly map: UsedMap;
  readonly span: Span;
  readonly workList: ExtentList;
  /** Used ranges behind the end of a smaller target: they differ, and cannot be repaired. */
  readonly missing: ExtentList;
  readonly result: VerifyResult;
  readonly repair: RepairResult | null;
  /** The last word on every range: after the repair, if there was one. */
  readonly answers: Answers;
  /** Why nothing that differs does not mean that all is equal; one sentence each. */
  readonly doubts: readonly string[];
  /** Milliseconds since 1970: no part of the span was last proven before; null: a part never was. */
  readonly oldestProof: number | null;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
}

export type Verdict = 'equal' | 'different' | 'not proven' | 'interrupted';

/** One answer for the whole run. An interrupted run has none. */
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
  const accounts = [prepared.sourceCounter, await firstWriteCounterOf(target.volume)];
  const comparator = volumeComparator(source, target.volume);
  const detector = countingDetector([source, target.volume], accounts, map.deviceBytes);
  const state = new VerifyStateFile(
    options.stateDirectory,
    source.identity.stableId,
    target.volume.identity.stableId,
    prepared.scope,
    await sidesKey(map.filesystem, source.identity, target.volume.identity),
  );
  const result = await verify({
    comparator,
    detector,
    workList,
    span,
    deviceBytes: map.deviceBytes,
    counterText: accounts.map(({ counterText }) => counterText),
    state,
    options,
    ...context,
  });
  const mend = request.repair && result.different.length > 0 && !result.interrupted;
  const work = { source, target: target.volume, comparator, detector, answers: result };
  const mended = () => repair({ ...work, ioOptions: options.ioOptions, ...context });
  // What differs is told also where it could not be mended, or the mending not be noted.
  const repaired = mend ? await afterwards(mended, null, context) : null;
  const noted = (proven: ExtentList) => () => noteProofs(state, proven, span);
  const oldest =
    repaired === null ? null : await afterwards(noted(repaired.repaired), null, context);
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

/** After the repair, if there was one: a typed yes wipes what makes the replica something else. */
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

/** What a report says of the sides, and of what was to be compared. */
export function sidesOf(
  { source, map, span, workList, missing }: PreparedVerify,
  target: Volume,
): Pick<VerifyReport, 'source' | 'target' | 'map' | 'span' | 'workList' | 'missing'> {
  return { source: source.identity, target: target.identity, map, span, workList, missing };
}

/** What was repaired was read back from both sides: that is a proof, and the newest. */
async function noteProofs(
  file: VerifyStateFile,
  proven: ExtentList,
  { startBytes, stopBytes }: Span,
): Promise<number | null> {
  const state = await file.load();
  if (state === null) return null;
  const proofAges = entered(state.proofAges, proven, Date.now());
  await file.save({ ...state, proofAges });
  return oldestProof(proofAges, startBytes, stopBytes);
}

/** The first refusal ends the run. */
export function refuseAll([first]: readonly Refusal[]): Promise<void> {
  return first === undefined ? Promise.resolve() : Promise.reject(refusalError(first));
}

async function doubtsOf(
  { source, sourceCounter }: PreparedVerify,
  target: Volume,
  { writtenDuringRun }: VerifyResult,
): Promise<string[]> {
  // Since before its map was read: what was allocated behind its back was not compared.
  const isUntouched = isUnwritten(sourceCounter, await source.writeCounter());
  if (writtenDuringRun !== true && isUntouched !== false) return [];
  const { path } = isUntouched === false ? source.identity : target.identity;
  return [
    `${path} was written during the run: what was compared before may differ now, and what was allocated since was not compared`,
  ];
}
