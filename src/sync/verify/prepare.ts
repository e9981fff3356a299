/** Prepares a verification: preflights both sides, maps the source, collects the refusals. */

import type { UsedMap } from '../../../fsparsers/index.js';
import {
  fingerprintOf,
  notReplica,
  openVolume,
  overrides,
  type Refusal,
  type RefusalCode,
  type HostVolume,
  type WriteCounter,
} from '../../volume/index.js';
import { beginOnline, type BeginRequest, type Begun } from '../consistency/begin.js';
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
import { farTargetOn } from '../far-target.js';
import { type FarSide, openFarSide, sharedRefusals } from './far-side.js';
import { isReplica } from './is-replica.js';
import {
  farSide,
  openFarForRepair,
  openNearSide,
  type OpenSide,
  targetFactsOf,
} from './open-side.js';
import type { VerifyRequest } from './request.js';
import { scopeOf, type VerifyWork, workOf } from './work.js';
import { firstWriteCounterOf } from './write-detector.js';

export interface PreparedVerify<Mapped extends MappedSource = MappedSource>
  extends VerifyWork, AsyncDisposable {
  readonly source: HostVolume;
  /** The source's write counter before its map was read. */
  readonly sourceCounter: WriteCounter;
  /** Disposed together with this. */
  readonly mapped: Mapped;
  readonly map: UsedMap;
  /** See scopeOf(). */
  readonly scope: string;
  /** The refusals that no override covers. */
  readonly refusals: readonly Refusal[];
  /** Opens the target for reading; with `repair` for writing, exclusively and under a lock. */
  openTarget(): Promise<OpenSide>;
}

/** These stop a run that only reads, too: its answer would mean nothing. */
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

/** The same for a mounted source: it is tracked from now on, and mapped in a freeze. Rejects also as beginOnline() does. */
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
  mapSource: (source: HostVolume) => Promise<Mapped>,
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
      // Only a person may agree to overwrite data; no configuration may.
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
    const farTarget =
      far === null || !repair ? null : await farTargetOn(far.volume.session, source.identity);
    const targets = farTarget === null ? found.targets : [farTarget];
    const identity = far?.volume.identity ?? targetFactsOf(found).identity;
    // Taken before the map is read, so that blocks allocated meanwhile show as writes.
    const sourceCounter = await firstWriteCounterOf(source);
    const mapped = await mapSource(source);
    return releasedOnFailure(mapped, async () => {
      const { map } = mapped;
      const refusals = [...volumeRefusals({ ...found, targets }), ...mapRefusals(found, map)];
      if (far !== null && farTarget === null)
        refusals.push(...(await sharedRefusals(source.identity, far.volume)));
      if (repair && !(await seemsReplica(request, found, far, map)))
        refusals.push(notReplica(targetFactsOf({ ...found, targets }), source.identity));
      return {
        source,
        sourceCounter,
        mapped,
        map,
        ...workOf(request, map, identity),
        scope: scopeOf(request),
        refusals: standing(refusals, request, policy),
        openTarget: () =>
          far === null
            ? openNearSide(request, found)
            : farTarget === null
              ? Promise.resolve(farSide(far, source))
              : openFarForRepair(request, farTarget, far, source),
        [Symbol.asyncDispose]: () => releasing(mapped, held)[Symbol.asyncDispose](),
      };
    });
  });
}

async function seemsReplica(
  request: VerifyRequest,
  found: Preflight,
  far: FarSide | null,
  map: UsedMap,
): Promise<boolean> {
  if (far !== null) {
    const { volume } = far;
    return isReplica(request, found.source, { volume, fingerprint: volume.fingerprint }, map);
  }
  await using volume = await openVolume(request.target);
  const fingerprint = await fingerprintOf(targetFactsOf(found).identity);
  return await isReplica(request, found.source, { volume, fingerprint }, map);
}

/** Disposes both in order; the second even where disposing the first fails. */
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
