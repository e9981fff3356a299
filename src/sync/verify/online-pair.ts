/**
 * Verifies a mounted source against its replica in use: trackers on both sides tell which ranges to
 * compare again.
 */

import { type ExtentList, union } from '../../region/index.js';
import { fingerprintOf, type Volume, refusalError } from '../../volume/index.js';
import { orReport } from '../nonfatal.js';
import { doubtful } from './answers.js';
import { withdrawProofs } from './verify-state.js';
import { type PairContext, type PairOptions, sidesOf, type VerifyReport } from './pair.js';
import { prepareOnlineVerify, type PreparedVerify } from './prepare.js';
import type { VerifyRequest } from './request.js';
import { proveWritten } from './prove-written.js';
import { type ChangeLog, logChanges } from './change-log.js';
import { spanned } from './span.js';
import { sidesKey, VerifyStateFile } from './state-record.js';
import { layoutOf } from '../stray-signatures.js';
import { isWhole, type StrayLook, strayDoubtsInUse } from './stray-doubts.js';
import { traceComparator } from './trace-comparator.js';
import { verify } from './verify.js';

export interface OnlineVerifyOptions {
  /** The longest that writers may wait while the map is read. */
  readonly maxFreezeMs: number;
  /** How long a replica may lag. */
  readonly lagToleranceMs: number;
  /** Paths that must not lie on the source's file system. */
  readonly mustNotFreeze: readonly string[];
}

/**
 * Verifies a pair in use. Each range with an answer was equal, or different for `lagToleranceMs`, after
 * its last write on either side; the other ranges are `changing`. Rejects as verifyPair(), beginOnline()
 * and startTracker() do.
 */
export async function verifyOnline(
  request: Omit<VerifyRequest, 'repair'>,
  options: PairOptions,
  online: OnlineVerifyOptions,
  context: PairContext,
): Promise<VerifyReport> {
  const startedAt = Date.now();
  const startedMs = performance.now();
  const { signal, reporter } = context;
  const reading = { ...request, reporter, repair: false };
  await using prepared = await prepareOnlineVerify(reading, { ...online, granularityBytes: null });
  const { source, span, workList, map, mapped } = prepared;
  for (const note of map.notes) reporter.report({ type: 'note', ...note });
  const [refusal] = prepared.refusals;
  if (refusal !== undefined) throw refusalError(refusal);
  await using target = await prepared.openTarget();
  await using changeLog = await logChanges(
    mapped.tracker,
    target.volume,
    workList,
    map.deviceBytes,
  );
  const comparator = traceComparator(target.comparator, source, target.volume, map);
  const names = [source.identity.stableId, target.volume.identity.stableId] as const;
  const print = await fingerprintOf(source.identity);
  const sides = sidesKey(map.filesystem, print, target.fingerprint);
  const state = new VerifyStateFile(options.stateDirectory, ...names, prepared.scope, sides);
  const run = { comparator, detector: changeLog, workList, span, deviceBytes: map.deviceBytes };
  // Both sides are being written, so no counter can prove that nothing was written since an earlier
  // run.
  const first = await verify({ ...run, writeCounters: [null], state, options, ...context });
  const reached = { ...span, stopBytes: first.reachedBytes };
  const open = union(doubtful(first), spanned(changeLog.take(), reached));
  const concerns = (written: ExtentList) => spanned(written, reached);
  const again = {
    ...online,
    comparator,
    changeLog,
    ioOptions: options.ioOptions,
    concerns,
    signal,
  };
  const answers = first.interrupted ? first : await proveWritten(again, open);
  const strays =
    first.interrupted || !isWhole(span, map.deviceBytes)
      ? []
      : await strayDoubtsInUse(lookOf(prepared, target.volume), changeLog);
  const taken = () => withdrawProofs(state, doubtful(answers), span);
  const oldest = await orReport(taken, null, context);
  const result = { ...first, ...answers, interrupted: signal.aborted };
  return {
    ...sidesOf(prepared, target.volume),
    result,
    repair: null,
    answers: { different: answers.different, notProven: answers.notProven },
    doubts: [...strays, ...missedDoubts(changeLog, source)],
    oldestProof: oldest,
    startedAt,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/** A mounted file system writes around the device's page cache. */
function lookOf({ source, map }: PreparedVerify, target: Volume): StrayLook {
  const look = { path: source.identity.path, reader: source.directReader };
  return { target, source: look, layout: layoutOf(map) };
}

function missedDoubts({ broken }: ChangeLog, { identity }: Volume): string[] {
  return broken === null ? [] : [`writes to ${identity.path} may have been missed: ${broken}`];
}
