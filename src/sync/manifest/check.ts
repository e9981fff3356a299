/** Verifies a volume against a manifest: like a pair, with another comparator. */

import {
  mapVolume,
  type MapOptions,
  ParseError,
  probe,
  type UsedMap,
} from '../../../fsparsers/index.js';
import { wholeMap } from '../../../fsparsers/whole.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import {
  comparatorOf,
  type EngineChoice,
  type Manifest,
  openManifest,
} from '../../manifest/index.js';
import { clip, type ExtentList, extentOf, intersect, subtract, union } from '../../region/index.js';
import { fingerprintOf, identifyVolume, type Volume, type Override } from '../../volume/index.js';
import { startTracker } from '../../tracker/index.js';
import { orReport } from '../nonfatal.js';
import {
  type Answers,
  countingDetector,
  doubtful,
  proveWritten,
  type ChangeLog,
  logChanges,
  type VerifyResult,
  type VerifyRun,
  firstWriteCounterOf,
  type PairContext,
  type PairOptions,
  refuseAll,
  sidesKey,
  spanned,
  spanOf,
  verify,
  type VerifyReport,
  VerifyStateFile,
  withdrawProofs,
} from '../verify/index.js';
import { prepareRead } from './prepare.js';
import { manifestStrays } from './stray-signatures.js';

export interface CheckRequest {
  readonly volume: string;
  readonly manifest: string;
  readonly engine: EngineChoice;
  /**
   * The root that the manifest must have, in hexadecimal: the manifest may come from a place where it
   * could be changed.
   */
  readonly root?: string | undefined;
  /** How to map the volume, to describe what differs. */
  readonly map: MapOptions;
  readonly startBytes: number;
  /** Null: the volume's end. */
  readonly stopBytes: number | null;
  readonly overrides: ReadonlySet<Override>;
  /** For a mounted volume: how long a difference must last without a write. Null: the volume is at rest. */
  readonly lagToleranceMs: number | null;
}

/**
 * Compares a volume with what a manifest covers of it. In the report the manifest is the source and the
 * volume the target. Rejects as openManifest(), openVolume() and spanOf() do, with a refusal's error,
 * with ManifestError, EngineError and STATE_UNUSABLE.
 */
export async function checkManifest(
  request: CheckRequest,
  options: PairOptions,
  context: PairContext,
): Promise<VerifyReport> {
  const startedAt = Date.now();
  const startedMs = performance.now();
  await using manifest = await openManifest(request.manifest);
  const volumeIs = request.lagToleranceMs === null ? 'at rest' : 'tracked';
  await using prepared = await prepareRead(request, volumeIs, context);
  const { volume } = prepared;
  const writeCounter = await firstWriteCounterOf(volume);
  const source = await identifyVolume(request.manifest);
  await using tracker = request.lagToleranceMs === null ? null : await startTracker(volume);
  await (options.resolveRefusals ?? refuseAll)(prepared.refusals);
  const comparator = comparatorOf(manifest, volume, request.engine);
  const { deviceBytes, root, algorithm, createdAt } = manifest.header;
  if (request.root !== undefined && request.root.toLowerCase() !== root) {
    throw new FastsyncError({
      code: 'MANIFEST_OTHER_ROOT',
      exitCode: exitCodes.usage,
      message: `${request.manifest} has the root ${root}, not ${request.root}`,
      remedy: 'use the manifest that has this root',
    });
  }
  const span = spanOf(request, deviceBytes);
  const covered = spanned(await manifest.extents(), span);
  const message = `the manifest was written at ${createdAt}; its root is ${algorithm} ${root}`;
  context.reporter.report({ type: 'note', severity: 'info', code: 'MANIFEST', message });
  const workList = clip(covered, 0, volume.identity.sizeBytes);
  const { map, isOwn } = await namesOf(manifest, volume, request.map, context);
  const byCounter = countingDetector([volume], [writeCounter], deviceBytes);
  await using changeLog = tracker && (await logChanges(tracker, null, workList, deviceBytes));
  const detector = changeLog ?? byCounter;
  const { stateDirectory } = options;
  const { stableId } = volume.identity;
  const sides = sidesKey(manifest.header.filesystem, await fingerprintOf(volume.identity));
  const state = new VerifyStateFile(stateDirectory, source.realPath, stableId, root, sides);
  const writeCounters = [changeLog === null ? writeCounter.value : null];
  const run = { comparator, detector, workList, span, deviceBytes, writeCounters, state, options };
  const first = await verify({ ...run, ...context });
  const answers = await proveAgain(first, run, changeLog, request, context);
  const result = { ...first, ...answers };
  const look = { manifest, volume, map: isOwn ? map : null, span, changeLog };
  const strays = result.interrupted ? [] : await manifestStrays(look);
  // On a volume at rest, no doubt arises after an answer was recorded.
  const oldest =
    changeLog === null
      ? first.oldestProof
      : await orReport(() => withdrawProofs(state, doubtful(answers), span), null, context);
  return {
    source,
    target: volume.identity,
    map,
    span,
    workList,
    missing: subtract(
      union(covered, spanned(extentOf(0, await claimedBytes(manifest, volume)), span)),
      extentOf(0, volume.identity.sizeBytes),
    ),
    result,
    repair: null,
    answers: { different: result.different, notProven: result.notProven },
    doubts: [...strays, ...doubtsOf(volume.identity.path, result, changeLog)],
    oldestProof: oldest,
    startedAt,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/** For a volume in use: compares again what was not equal, and what was written since it was compared. */
async function proveAgain(
  first: VerifyResult,
  { comparator, workList, options }: Pick<VerifyRun, 'comparator' | 'workList' | 'options'>,
  changeLog: ChangeLog | null,
  { lagToleranceMs }: CheckRequest,
  { signal }: PairContext,
): Promise<Answers> {
  const { different, notProven } = first;
  if (changeLog === null || lagToleranceMs === null || first.interrupted)
    return { different, notProven };
  // Ranges that the manifest does not cover cannot be compared; ranges not reached are left out.
  const reached = clip(workList, 0, first.reachedBytes);
  const concerns = (written: ExtentList) => intersect(written, reached);
  const open = union(doubtful(first), concerns(changeLog.take()));
  return proveWritten(
    { comparator, changeLog, ioOptions: options.ioOptions, concerns, signal, lagToleranceMs },
    open,
  );
}

function doubtsOf(path: string, result: VerifyResult, changeLog: ChangeLog | null): string[] {
  if (changeLog !== null) {
    const { broken } = changeLog;
    return broken === null ? [] : [`writes to ${path} may have been missed: ${broken}`];
  }
  if (result.writtenDuringRun !== true) return [];
  return [`${path} was written during the run: ranges already compared may differ now`];
}

/** The size that the manifest's file system claims, if the volume still has it. */
async function claimedBytes({ header }: Manifest, { reader }: Volume): Promise<number> {
  const { type, uuid } = header.filesystem;
  const signatures = await probe(reader).catch(() => []);
  const own = signatures.find((one) => one.type === type && one.uuid === uuid);
  return Math.min(own?.sizeBytes ?? 0, header.deviceBytes);
}

/** The volume's own map, to describe ranges; without descriptions where it cannot be mapped as one. */
async function namesOf(
  { header }: Manifest,
  volume: Volume,
  options: MapOptions,
  { reporter, signal }: PairContext,
): Promise<{ readonly map: UsedMap; readonly isOwn: boolean }> {
  const note = (code: string, message: string) => {
    reporter.report({ type: 'note', severity: 'warning', code, message });
  };
  const { path, sizeBytes } = volume.identity;
  if (sizeBytes === header.deviceBytes) {
    try {
      return { map: await mapVolume(volume.reader, { ...options, signal }), isOwn: true };
    } catch (error) {
      if (!(error instanceof ParseError) && !(error instanceof FastsyncError)) throw error;
      note('NO_NAMES', `cannot name what lies in the ranges that differ: ${error.message}`);
    }
  } else {
    note(
      'OTHER_SIZE',
      `${path} has ${sizeBytes} bytes, but the manifest describes a volume of ${header.deviceBytes}`,
    );
  }
  const nothing = { sizeBytes: header.deviceBytes, read: () => Promise.resolve(new Uint8Array(0)) };
  const unnamed = wholeMap(nothing, null);
  const map = {
    ...unnamed,
    filesystem: { ...unnamed.filesystem, ...header.filesystem },
    locate: () => 'covered by the manifest',
  };
  return { map, isOwn: false };
}
