/** Verifies a volume of this host against its replica on another one: each host reads its own, digests meet. */

import type { UsedMap } from '../../../fsparsers/index.js';
import type { DigestAlgorithm } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { clip, extentOf, subtract, union } from '../../region/index.js';
import {
  bootId,
  findRefusals,
  fingerprintOf,
  hazardRefusals,
  openRemoteVolume,
  openVolume,
  overrides,
  type Refusal,
  refusalError,
  type RemoteAddress,
  type RemoteShell,
  type RemoteVolume,
  sharedStorage,
  surveyHostStorage,
  type Volume,
} from '../../volume/index.js';
import { beginOnline, type Begun } from '../consistency/begin.js';
import { mapSource } from '../map-source.js';
import { orReport } from '../nonfatal.js';
import { usageOnAllHosts } from '../other-hosts.js';
import { layoutOf } from '../stray-signatures.js';
import { doubtful } from './answers.js';
import { logChanges } from './change-log.js';
import { digestComparator } from './digest-comparator.js';
import type { OnlineVerifyOptions } from './online-pair.js';
import {
  doubtsOf,
  type PairContext,
  type PairOptions,
  refuseAll,
  type VerifyReport,
} from './pair.js';
import { readerRefusals, scopeOf, type VerifyRequest, wantedExtents } from './prepare.js';
import { proveWritten } from './prove-written.js';
import { spanned, spanOf } from './span.js';
import { sidesKeyOf, VerifyStateFile } from './state-record.js';
import { isWhole, strayDoubts, strayDoubtsInUse } from './stray-doubts.js';
import { traceComparator } from './trace-comparator.js';
import { verify } from './verify.js';
import { withdrawProofs } from './verify-state.js';
import { countingDetector, firstWriteCounterOf } from './write-detector.js';

export interface RemoteRequest extends Omit<VerifyRequest, 'target' | 'repair'> {
  readonly target: RemoteAddress;
  readonly shell: RemoteShell;
  /** After so long without a sign of life the other host counts as dead. */
  readonly silenceMs: number;
  readonly algorithm: DigestAlgorithm;
}

/** What is known when the source is mapped, and the target open. */
interface Sides {
  readonly source: Volume;
  readonly target: RemoteVolume;
  readonly map: UsedMap;
}

/**
 * Verifies across hosts; `online` where the source is mounted. Rejects as verifyPair() and verifyOnline()
 * do, and with exit code 6 where the other host or the link is at fault.
 */
export async function verifyRemote(
  request: RemoteRequest,
  options: PairOptions,
  online: OnlineVerifyOptions | null,
  context: PairContext,
): Promise<VerifyReport> {
  const startedAt = Date.now();
  const startedMs = performance.now();
  const { shell, silenceMs } = request;
  const onLine = (message: string) => {
    const text = `${request.target.destination}: ${message}`;
    context.reporter.report({ type: 'note', severity: 'info', code: 'REMOTE', message: text });
  };
  const opened = { shell, silenceMs, onLine };
  await using target = await openRemoteVolume(request.target, opened, context.signal);
  await using source = await openVolume(request.source);
  await refuseSource(request, options, { source, target }, context, online !== null);
  const told =
    online === null
      ? await verifyAtRest(request, options, { source, target }, context)
      : await verifyInUse(request, options, online, { source, target }, context);
  return { ...told, startedAt, seconds: (performance.now() - startedMs) / 1000 };
}

type Told = Omit<VerifyReport, 'startedAt' | 'seconds'>;
type OpenSides = Pick<Sides, 'source' | 'target'>;

async function verifyAtRest(
  request: RemoteRequest,
  options: PairOptions,
  { source, target }: OpenSides,
  context: PairContext,
): Promise<Told> {
  // Before the map is read: what is allocated behind its back is written, and seen to be.
  const counters = [await firstWriteCounterOf(source), await firstWriteCounterOf(target)] as const;
  const map = await mapSource(source, { ...request, dirty: 'refuse' });
  await (options.resolveRefusals ?? refuseAll)(hazardsOf(request, source, map));
  const scope = scopeFor(request, { source, target, map }, context);
  const result = await verify({
    ...scope.run,
    comparator: digestComparator(source, target, request.algorithm),
    detector: countingDetector([source, target], counters, map.deviceBytes),
    counterText: counters.map(({ counterText }) => counterText),
    state: await stateOf(request, options, { source, target, map }),
    options,
    ...context,
  });
  const look = { target, source: lookAt(source, false), layout: layoutOf(map) };
  const isAll = isWhole(scope.run.span, map.deviceBytes);
  return {
    ...scope.report,
    result,
    answers: { different: result.different, notProven: result.notProven },
    doubts: [
      ...(await doubtsOf({ source, sourceCounter: counters[0] }, target, result)),
      ...(isAll && !result.interrupted ? await strayDoubts(look) : []),
    ],
    oldestProof: result.oldestProof,
  };
}

async function verifyInUse(
  request: RemoteRequest,
  options: PairOptions,
  online: OnlineVerifyOptions,
  { source, target }: OpenSides,
  context: PairContext,
): Promise<Told> {
  const { signal } = context;
  const begun: Begun = await beginOnline({
    ...online,
    source,
    map: request.map,
    granularityBytes: null,
    signal,
  });
  try {
    const { map, tracker } = begun;
    const [hazard] = hazardsOf(request, source, map);
    if (hazard !== undefined) throw refusalError(hazard);
    const scope = scopeFor(request, { source, target, map }, context);
    const { span, workList, deviceBytes } = scope.run;
    await using changeLog = await logChanges(tracker, target, workList, deviceBytes);
    const plain = digestComparator(source, target, request.algorithm);
    const comparator = traceComparator(plain, source, target, map);
    const state = await stateOf(request, options, { source, target, map });
    const run = { ...scope.run, comparator, detector: changeLog, counterText: [null] };
    const first = await verify({ ...run, state, options, ...context });
    const reached = { ...span, stopBytes: first.reachedBytes };
    const concerns = (written: Float64Array) => spanned(written, reached);
    const open = union(doubtful(first), concerns(changeLog.take()));
    const again = {
      ...online,
      comparator,
      changeLog,
      ioOptions: options.ioOptions,
      concerns,
      signal,
    };
    const answers = first.interrupted ? first : await proveWritten(again, open);
    const look = { target, source: lookAt(source, true), layout: layoutOf(map) };
    const isAll = isWhole(span, deviceBytes) && !first.interrupted;
    const strays = isAll ? await strayDoubtsInUse(look, changeLog) : [];
    const oldest = await orReport(
      () => withdrawProofs(state, doubtful(answers), span),
      null,
      context,
    );
    const { broken } = changeLog;
    const missed = `writes to ${source.identity.path} may have been missed: ${broken ?? ''}`;
    return {
      ...scope.report,
      result: { ...first, ...answers, interrupted: signal.aborted },
      answers: { different: answers.different, notProven: answers.notProven },
      doubts: [...strays, ...(broken === null ? [] : [missed])],
      oldestProof: oldest,
    };
  } finally {
    await begun.tracker.stop();
  }
}

/** What is compared, and what of the report is known before that. */
function scopeFor(
  request: RemoteRequest,
  { source, target, map }: Sides,
  { reporter }: PairContext,
) {
  for (const note of map.notes) reporter.report({ type: 'note', ...note });
  const { deviceBytes, filesystem } = map;
  const span = spanOf(request, deviceBytes);
  const wanted = spanned(wantedExtents(map, request.free), span);
  const heldBytes = target.identity.sizeBytes;
  const workList = clip(wanted, 0, heldBytes);
  // Also where nothing is in use: a file system is not mounted where less is than it claims.
  const claimed = spanned(extentOf(0, Math.min(filesystem.sizeBytes, deviceBytes)), span);
  const missing = subtract(union(wanted, claimed), extentOf(0, heldBytes));
  return {
    run: { workList, span, deviceBytes },
    report: {
      source: source.identity,
      target: target.identity,
      map,
      span,
      workList,
      missing,
      repair: null,
    },
  };
}

async function stateOf(
  request: RemoteRequest,
  { stateDirectory }: PairOptions,
  { source, target, map }: Sides,
): Promise<VerifyStateFile> {
  const names = [source.identity.stableId, target.identity.stableId] as const;
  const prints = [await fingerprintOf(source.identity), target.fingerprint];
  const sides = sidesKeyOf(map.filesystem, prints);
  return new VerifyStateFile(stateDirectory, ...names, scopeOf(request), sides);
}

function lookAt({ identity, reader, directReader }: Volume, isMounted: boolean) {
  return { path: identity.path, reader: isMounted ? directReader : reader };
}

/** Resolves when nothing stands against reading the source as it is. */
async function refuseSource(
  request: RemoteRequest,
  { resolveRefusals = refuseAll }: PairOptions,
  { source, target }: OpenSides,
  context: PairContext,
  isOnline: boolean,
): Promise<void> {
  const { identity } = source;
  const hostStorage = await surveyHostStorage([identity.path]);
  const usage = await usageOnAllHosts(hostStorage, identity, context);
  const found = findRefusals({ identity, usage }, []).filter(
    ({ code }) => readerRefusals.has(code) && !(isOnline && code === 'SOURCE_MOUNTED'),
  );
  const shared = await sharedWith(source, target);
  if (shared !== null) found.push(shared);
  await resolveRefusals(found.filter(({ code }) => !request.overrides.has(overrides[code])));
}

/** Over ssh to oneself one finds one's own disks; and two hosts may share one. */
async function sharedWith({ identity }: Volume, target: RemoteVolume): Promise<Refusal | null> {
  const here = await bootId();
  const isThisHost = here !== '' && target.bootId === here;
  const isSameNode = isThisHost && target.identity.node === `remote:${here}:${identity.node}`;
  const { serial, model, partitionOf } = identity;
  const other = target.identity;
  const isSameDisk =
    serial !== null &&
    serial === other.serial &&
    model === other.model &&
    (partitionOf === null) === (other.partitionOf === null) &&
    identity.sizeBytes === other.sizeBytes;
  return isSameNode || (!isThisHost && isSameDisk)
    ? sharedStorage(other.path, identity.path)
    : null;
}

function hazardsOf(request: RemoteRequest, { identity }: Volume, map: UsedMap): Refusal[] {
  return hazardRefusals(identity, map.hazards ?? []).filter(
    ({ code }) => !request.overrides.has(overrides[code]),
  );
}

/** The address of a target on another host is no reason to repair it: that is said before anything begins. */
export function cannotRepairThere(target: RemoteAddress): FastsyncError {
  return new FastsyncError({
    code: 'USAGE',
    exitCode: exitCodes.usage,
    message: `${target.text} is on another host, where fastsync only verifies`,
    remedy: 'leave --repair out, or repair it over there',
  });
}
