/** Before the first comparison: look at both sides, map the source, find the reasons not to begin. */

import type { MapOptions, UsedMap } from '../../../fsparsers/index.js';
import {
  emptyExtents,
  extentOf,
  type ExtentList,
  intersect,
  readableExtents,
  subtract,
  union,
  usedExtents,
} from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import {
  fingerprintOf,
  notReplica,
  openVolume,
  type Override,
  overrides,
  type Refusal,
  type RefusalCode,
  type TargetFacts,
  type Volume,
  type VolumeIdentity,
  type WriteCounter,
} from '../../volume/index.js';
import { beginOnline, type BeginRequest, type Begun } from '../consistency/begin.js';
import { likeness } from '../likeness.js';
import { mapAtRest, type MappedSource } from '../map-source.js';
import {
  mapRefusals,
  type Policy,
  type Preflight,
  preflight,
  releasedOnFailure,
  standing,
  volumeRefusals,
} from '../preflight.js';
import { openTargets } from '../targets.js';
import { type Comparator, volumeComparator } from './comparator.js';
import { digestComparator } from './digest-comparator.js';
import { type FarSide, openFarSide, type Remote, sharedRefusals } from './far-side.js';
import { oldestProof } from './proof-ages.js';
import { type Span, spanned, spanOf } from './span.js';
import { sidesKey, VerifyStateFile } from './state-record.js';
import { firstWriteCounterOf } from './write-detector.js';

export interface VerifyRequest {
  readonly source: string;
  readonly target: string;
  /** The target is on another host. Default: on this one. */
  readonly remote?: Remote | undefined;
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

export interface PreparedVerify<
  Mapped extends MappedSource = MappedSource,
> extends AsyncDisposable {
  readonly source: Volume;
  /** The source's write counters before its map was read. */
  readonly sourceCounter: WriteCounter;
  /** Released with the rest. */
  readonly mapped: Mapped;
  readonly map: UsedMap;
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
  openTarget(): Promise<OpenSide>;
}

export interface OpenSide extends AsyncDisposable {
  readonly volume: Volume;
  /** Of the source with it. */
  readonly comparator: Comparator;
  /** Tells it from others of its name, see fingerprintOf(). */
  readonly fingerprint: string;
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

/** Gathers everything; writes nothing. Rejects as preflight() and mapSource() do. */
export function prepareVerify(request: VerifyRequest): Promise<PreparedVerify> {
  return prepare(request, 'at rest', (source) =>
    mapAtRest(source, { ...request, dirty: 'refuse' }),
  );
}

/** The same of a mounted source: tracked from now on, and mapped in a freeze. Rejects also as beginOnline() does. */
export function prepareOnlineVerify(
  request: VerifyRequest,
  online: Omit<BeginRequest, 'source' | 'map' | 'dirty' | 'signal'>,
): Promise<PreparedVerify<Begun & MappedSource>> {
  return prepare(request, 'in use', async (source) => {
    const { map, signal } = request;
    const begun = await beginOnline({ ...online, map, signal, source });
    return { ...begun, [Symbol.asyncDispose]: () => begun.tracker.stop() };
  });
}

async function prepare<Mapped extends MappedSource>(
  request: VerifyRequest,
  sourceIs: 'at rest' | 'in use',
  mapSource: (source: Volume) => Promise<Mapped>,
): Promise<PreparedVerify<Mapped>> {
  const { overrides: allowed, repair } = request;
  const policy: Policy = {
    claims: {
      source: sourceIs === 'at rest' && !allowed.has(overrides.SOURCE_OPEN),
      targets: repair,
    },
    targetsExist: true,
    ignores: (code) => {
      if (sourceIs === 'in use' && code === 'SOURCE_MOUNTED') return true;
      // Only a person can say yes to what holds something: no configuration can.
      if (code === 'NOT_A_REPLICA' && allowed.has('yes')) return true;
      return repair ? code === 'TARGET_HAS_DATA' : !readerRefusals.has(code);
    },
  };
  const far = request.remote === undefined ? null : await openFarSide(request.remote, request);
  const targets = far === null ? [request.target] : [];
  const look = () => preflight({ ...request, targets }, policy);
  const found = await (far === null ? look() : releasedOnFailure(far, look));
  const held = releasing(found, far);
  return releasedOnFailure(held, async () => {
    const { source } = found;
    const identity = far?.volume.identity ?? targetFactsOf(found).identity;
    // Before the map is read: what is allocated behind its back is written, and seen to be.
    const sourceCounter = await firstWriteCounterOf(source);
    const mapped = await mapSource(source);
    return releasedOnFailure(mapped, async () => {
      const { map } = mapped;
      const refusals = [...volumeRefusals(found), ...mapRefusals(found, map)];
      if (far !== null) refusals.push(...(await sharedRefusals(source.identity, far.volume)));
      if (repair && !(await isReplica(request, source, identity, map)))
        refusals.push(notReplica(targetFactsOf(found), source.identity));
      return {
        source,
        sourceCounter,
        mapped,
        map,
        ...workOf(request, map, identity),
        scope: scopeOf(request),
        refusals: standing(refusals, request, policy),
        openTarget: () =>
          far === null ? openNearSide(request, found) : Promise.resolve(sideOf(far, source)),
        [Symbol.asyncDispose]: () => releasing(mapped, held)[Symbol.asyncDispose](),
      };
    });
  });
}

/** What is to be compared of both, and what the target has no room for. */
function workOf(
  request: VerifyRequest,
  map: UsedMap,
  target: VolumeIdentity,
): Pick<PreparedVerify, 'span' | 'workList' | 'missing'> {
  const span = spanOf(request, map.deviceBytes);
  const wanted = spanned(wantedExtents(map, request.free), span);
  // A file grows before it is repaired; a device cannot.
  const canGrow = request.repair && target.kind === 'file';
  if (canGrow) return { span, workList: wanted, missing: emptyExtents };
  const held = extentOf(0, target.sizeBytes);
  // Also where nothing is in use: a file system is not mounted where less is than it claims.
  const claimed = spanned(extentOf(0, Math.min(map.filesystem.sizeBytes, map.deviceBytes)), span);
  return {
    span,
    workList: intersect(wanted, held),
    missing: subtract(union(wanted, claimed), held),
  };
}

/** Whether the target carries what identifies the source, or was proven equal to it before. */
async function isReplica(
  request: VerifyRequest,
  source: Volume,
  target: VolumeIdentity,
  map: UsedMap,
): Promise<boolean> {
  if ((await likeness(source, request.target, 'identifying')) !== 'other') return true;
  return wasProven(request, source.identity, target, map);
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

/** Whether all of these very volumes was found equal before. */
async function wasProven(
  request: VerifyRequest,
  source: VolumeIdentity,
  target: VolumeIdentity,
  { deviceBytes, filesystem }: UsedMap,
): Promise<boolean> {
  if (request.stateDirectory === undefined) return false;
  const prints = [await fingerprintOf(source), await fingerprintOf(target)];
  const sides = sidesKey(filesystem, ...prints);
  const names = [source.stableId, target.stableId] as const;
  const file = new VerifyStateFile(request.stateDirectory, ...names, scopeOf(request), sides);
  const proofAges = (await file.load())?.proofAges ?? null;
  return proofAges !== null && oldestProof(proofAges, 0, deviceBytes) !== null;
}

/** One after the other, whatever becomes of the first. */
function releasing(first: AsyncDisposable, second: AsyncDisposable | null): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        await first[Symbol.asyncDispose]();
      } finally {
        await second?.[Symbol.asyncDispose]();
      }
    },
  };
}

function targetFactsOf({ targets: [target] }: Preflight): TargetFacts {
  const facts = target?.facts ?? null;
  if (facts === null) throw new Error('a target that was there is gone');
  return facts;
}

/** It is open from the look on; whoever prepared it closes it. */
function sideOf({ volume, algorithm }: FarSide, source: Volume): OpenSide {
  return {
    volume,
    comparator: digestComparator(source, volume, algorithm),
    fingerprint: volume.fingerprint,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function openNearSide(request: VerifyRequest, found: Preflight): Promise<OpenSide> {
  const opened = await (request.repair
    ? openForRepair(request, found)
    : openForReading(request, found));
  return releasedOnFailure(opened, async () => ({
    ...opened,
    comparator: volumeComparator(found.source, opened.volume),
    fingerprint: await fingerprintOf(opened.volume.identity),
  }));
}

type Opened = Pick<OpenSide, 'volume'> & AsyncDisposable;

async function openForReading({ target }: VerifyRequest, found: Preflight): Promise<Opened> {
  const volume = await openVolume(target, { expected: targetFactsOf(found).identity });
  return { volume, [Symbol.asyncDispose]: () => volume.close() };
}

async function openForRepair(
  { overrides: allowed }: VerifyRequest,
  { source, targets }: Preflight,
): Promise<Opened> {
  const exclusive = !allowed.has(overrides.TARGET_IN_USE) && !allowed.has(overrides.TARGET_MOUNTED);
  const [target] = targets;
  // A larger file keeps its end.
  const targetBytes = target?.facts?.identity.sizeBytes ?? 0;
  const sizeBytes = Math.max(source.identity.sizeBytes, targetBytes);
  const set = await openTargets(targets, { sizeBytes, exclusive });
  const [opened] = set.targets;
  if (opened === undefined) throw new Error('a target that was opened is not there');
  return { volume: opened.volume, [Symbol.asyncDispose]: () => set[Symbol.asyncDispose]() };
}
