/** Before the first comparison: look at both sides, map the source, find the reasons not to begin. */

import { type MapOptions, probe, type UsedMap } from '../../../fsparsers/index.js';
import {
  emptyExtents,
  extentOf,
  type ExtentList,
  clip,
  readableExtents,
  subtract,
  union,
  usedExtents,
} from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import {
  findRefusals,
  hazardRefusals,
  identifyVolume,
  type Volume,
  type WriteCounter,
  notReplica,
  openVolume,
  type Override,
  overrides,
  type Refusal,
  type RefusalCode,
  surveyHostStorage,
  type VolumeIdentity,
} from '../../volume/index.js';
import { mapSource } from '../seed/prepare.js';
import {
  inspectTargets,
  openTargets,
  refuseOtherRuns,
  type Target,
  TargetSet,
} from '../targets.js';
import { oldestProof } from './proof-ages.js';
import { type Span, spanned, spanOf } from './span.js';
import { sidesKey, VerifyStateFile } from './state-record.js';
import { firstWriteCounterOf } from './write-detector.js';
import { wholeUsageOf } from '../elsewhere.js';

export interface VerifyRequest {
  readonly source: string;
  readonly target: string;
  readonly map: MapOptions;
  readonly logDevice?: string | undefined;
  readonly free: 'ignore' | 'verify';
  /** Bytes of the volume; null: its end. */
  readonly startBytes: number;
  readonly stopBytes: number | null;
  /** The target is to be written where it differs: then it must be fit for that. */
  readonly repair: boolean;
  readonly overrides: ReadonlySet<Override>;
  /** Where earlier verifications left what they have proven; without it nothing was. */
  readonly stateDirectory?: string;
  readonly signal: AbortSignal;
  readonly reporter?: Reporter;
}

export interface PreparedVerify {
  readonly source: Volume;
  /** The source's write counters before its map was read. */
  readonly sourceCounter: WriteCounter;
  readonly map: UsedMap;
  readonly target: Target;
  readonly span: Span;
  /** What is to be compared: within the span, and within both volumes. */
  readonly workList: ExtentList;
  /** What the target, being smaller, cannot hold. */
  readonly missing: ExtentList;
  /** Tells verifications of the same pair apart that compare other parts of it. */
  readonly scope: string;
  /** Those that no override covers. */
  readonly refusals: readonly Refusal[];
  /** For reading, or, with `repair`, for writing, exclusively and under a lock. */
  openTarget(): Promise<OpenTarget>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface OpenTarget extends AsyncDisposable {
  readonly volume: Volume;
}

/** What keeps even a reader from beginning: its answer would mean nothing. */
const readerRefusals: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'SOURCE_MOUNTED',
  'SOURCE_OPEN',
  'SOURCE_IN_USE_ELSEWHERE',
  'NTFS_DIRTY',
  'NTFS_LOG_UNCLEAN',
  'NTFS_HIBERNATED',
  'NTFS_FAST_STARTUP',
  'SAME_STORAGE',
]);

/**
 * Gathers everything; writes nothing. `online` maps a source that is mounted, which is then no reason
 * to refuse it. Rejects as openVolume() and mapVolume() do, or as `online` does.
 */
export async function prepareVerify(
  request: VerifyRequest,
  online: ((source: Volume) => Promise<UsedMap>) | null = null,
): Promise<PreparedVerify> {
  const source = await openVolume(request.source);
  try {
    const targetIdentity = await identifyVolume(request.target);
    const { logDevice } = request;
    const own = [request.source, request.target, ...(logDevice === undefined ? [] : [logDevice])];
    const hostStorage = await surveyHostStorage(own);
    const mustNotFreeze = logDevice === undefined ? [] : [await identifyVolume(logDevice)];
    const [target] = await inspectTargets(
      [request.target],
      source.identity,
      hostStorage,
      request,
      mustNotFreeze,
    );
    if (target?.facts == null) throw new Error('a target that was there is gone');
    const usage = await wholeUsageOf(hostStorage, source.identity, request);
    const mayBeOpen = request.overrides.has(overrides.SOURCE_OPEN) || online !== null;
    await refuseOtherRuns([
      ...(mayBeOpen ? [] : [{ identity: source.identity, usage }]),
      ...(request.repair ? [target.facts] : []),
    ]);
    // Before the map is read: what is allocated behind its back is written, and seen to be.
    const sourceCounter = await firstWriteCounterOf(source);
    const map = await (online === null
      ? mapSource(source, { ...request, dirty: 'refuse' })
      : online(source));
    const found = [
      ...findRefusals({ identity: source.identity, usage }, [target.facts]),
      ...hazardRefusals(source.identity, map.hazards ?? []),
    ];
    const isKnown =
      !request.repair ||
      (await carriesTheSame(source, request.target)) ||
      (await wasProven(request, source.identity, targetIdentity, map));
    if (!isKnown) found.push(notReplica(target.facts, source.identity));
    const concerns = ({ code }: Refusal) =>
      online !== null && code === 'SOURCE_MOUNTED'
        ? false
        : request.repair
          ? code !== 'TARGET_HAS_DATA'
          : readerRefusals.has(code);
    // Only a person can say yes to what holds something: no configuration can.
    const isAllowed = ({ code }: Refusal) =>
      request.overrides.has(overrides[code]) ||
      (code === 'NOT_A_REPLICA' && request.overrides.has('yes'));
    const span = spanOf(request, map.deviceBytes);
    const wanted = spanned(wantedExtents(map, request.free), span);
    // A file grows before it is repaired; a device cannot.
    const canGrow = request.repair && targetIdentity.kind === 'file';
    const heldBytes = canGrow ? Infinity : targetIdentity.sizeBytes;
    const workList = clip(wanted, 0, heldBytes);
    // Also where nothing is in use: a file system is not mounted where less is than it claims.
    const claimed = spanned(extentOf(0, Math.min(map.filesystem.sizeBytes, map.deviceBytes)), span);
    return {
      source,
      sourceCounter,
      map,
      target,
      span,
      workList,
      scope: scopeOf(request),
      missing:
        heldBytes === Infinity
          ? emptyExtents
          : subtract(union(wanted, claimed), extentOf(0, heldBytes)),
      refusals: found.filter((refusal) => concerns(refusal) && !isAllowed(refusal)),
      // A larger file keeps its end.
      openTarget: () =>
        openTarget(request, target, Math.max(source.identity.sizeBytes, targetIdentity.sizeBytes)),
      [Symbol.asyncDispose]: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function wantedExtents(map: UsedMap, free: 'ignore' | 'verify'): ExtentList {
  // Not joined across gaps, as a copy's work list is: what lies in a gap is free, and may differ.
  return free === 'verify' ? readableExtents(map) : usedExtents(map.ranges);
}

function scopeOf({ free, map: { as, swap } }: VerifyRequest): string {
  // All is all, by whichever option.
  const all = free === 'verify' || as === 'whole';
  return all ? 'all' : JSON.stringify([as ?? null, swap ?? null]);
}

/** Whether the target carries the signatures of the source, one with an identity among them. */
async function carriesTheSame(source: Volume, target: string): Promise<boolean> {
  await using volume = await openVolume(target);
  const known = (list: Awaited<ReturnType<typeof probe>>) =>
    list.filter(({ doubt, uuid }) => doubt === null && uuid !== null);
  const left = known(await probe(source.reader));
  // What cannot be read carries no signature that one could go by.
  const right = known(await probe(volume.reader).catch(() => []));
  const isThere = ({ type, uuid, offsetBytes }: (typeof left)[number]) =>
    right.some((one) => one.type === type && one.uuid === uuid && one.offsetBytes === offsetBytes);
  return left.length > 0 && left.every(isThere);
}

/** Whether all of these very volumes was found equal before. */
async function wasProven(
  request: VerifyRequest,
  source: VolumeIdentity,
  target: VolumeIdentity,
  { deviceBytes, filesystem }: UsedMap,
): Promise<boolean> {
  if (request.stateDirectory === undefined) return false;
  const sides = await sidesKey(filesystem, source, target);
  const names = [source.stableId, target.stableId] as const;
  const file = new VerifyStateFile(request.stateDirectory, ...names, scopeOf(request), sides);
  const proofAges = (await file.load())?.proofAges ?? null;
  return proofAges !== null && oldestProof(proofAges, 0, deviceBytes) !== null;
}

/**
 * Whether the target carries the very signatures of the source: then it is its replica. Or these and
 * more, which are of a life before or beside that.
 */
export async function likeness(source: Volume, target: string): Promise<'same' | 'more' | 'other'> {
  await using volume = await openVolume(target);
  const left = await probe(source.reader);
  // What cannot be read carries no signature that one could go by.
  const right = await probe(volume.reader).catch(() => []);
  const named = ({ type, uuid, offsetBytes }: (typeof left)[number]) =>
    JSON.stringify([type, uuid, offsetBytes]);
  const there = new Set(right.map(named));
  if (left.length === 0 || !left.every((one) => there.has(named(one)))) return 'other';
  return there.size === new Set(left.map(named)).size ? 'same' : 'more';
}

async function openTarget(
  { target: name, repair, overrides: allowed }: VerifyRequest,
  target: Target,
  sizeBytes: number,
): Promise<OpenTarget> {
  if (!repair) {
    const expected = target.facts?.identity;
    const volume = await openVolume(name, expected === undefined ? {} : { expected });
    return { volume, [Symbol.asyncDispose]: () => volume.close() };
  }
  const exclusive = !allowed.has(overrides.TARGET_IN_USE) && !allowed.has(overrides.TARGET_MOUNTED);
  const set: TargetSet = await openTargets([target], { sizeBytes, exclusive });
  const [opened] = set.targets;
  if (opened === undefined) throw new Error('a target that was opened is not there');
  return { volume: opened.volume, [Symbol.asyncDispose]: () => set[Symbol.asyncDispose]() };
}
