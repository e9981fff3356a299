/** Checks one pair under its lock, and records the result in its history, regardless of the outcome. */

import type { MapOptions } from '../../fsparsers/index.js';
import type { PairConfig } from '../config/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import { asFastsyncError } from '../failure.js';
import { appendRun, readHistory, type RunRecord } from '../history/index.js';
import type { NoteEvent, Reporter } from '../report/index.js';
import {
  type StallWatch,
  stateKey,
  verifyOnline,
  verifyPair,
  type VerifyReport,
} from '../sync/index.js';
import { type Volume, openVolume, takeLock } from '../volume/index.js';
import { isUnfinished, stalenessOf } from './freshness.js';
import { failedRecord, pictureOf, recordOf } from './record.js';
import type { PairResult } from './types.js';

export interface CheckContext {
  readonly stateDirectory: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly stalls: StallWatch;
  /** Reports problems that do not stop the check. */
  readonly warn: (code: string, message: string) => void;
}

/** Never rejects: a failure is a result. A run that did not get the lock leaves no record. */
export async function checkPair(pair: PairConfig, context: CheckContext): Promise<PairResult> {
  const startedAt = Date.now();
  try {
    await using _lock = await lockPair(pair, context.stateDirectory);
    return await checkLocked(pair, startedAt, context);
  } catch (error) {
    return failure(pair, startedAt, asFastsyncError(error), await earlierRuns(pair, context));
  }
}

/** Pairs of the same name with different state directories are different pairs. */
function lockPair({ name }: PairConfig, stateDirectory: string) {
  return takeLock(`pair:${name}:${stateKey([stateDirectory, name])}`, `the pair ${name}`);
}

async function checkLocked(
  pair: PairConfig,
  startedAt: number,
  context: CheckContext,
): Promise<PairResult> {
  const earlier = await earlierRuns(pair, context);
  const notes: NoteEvent[] = [];
  let result: PairResult;
  let report: VerifyReport | null = null;
  try {
    report = await verify(pair, notes, context);
    const staleness = isUnfinished(report)
      ? stalenessOf(report, earlier, pair.maxAgeMs, Date.now())
      : null;
    const record = recordOf(pair, report, isUnfinished(report) && staleness === null);
    result = { pair, record, report, error: null, earlier, notes, staleness };
  } catch (error) {
    const reason = isAbort(error, context.signal) ? interrupted() : asFastsyncError(error);
    result = { ...failure(pair, startedAt, reason, earlier), notes };
  }
  try {
    const picture = report === null ? null : pictureOf(report);
    await appendRun(context.stateDirectory, result.record, picture);
  } catch (error) {
    const { code, message } = asFastsyncError(error);
    context.warn(code, message);
  }
  return result;
}

async function verify(
  pair: PairConfig,
  notes: NoteEvent[],
  { stateDirectory, reporter, signal, stalls }: CheckContext,
): Promise<VerifyReport> {
  stalls.limit(pair.ioTimeoutMs);
  const { logDevice } = pair;
  const log = logDevice === null ? null : await openVolume(logDevice);
  try {
    const request = {
      source: pair.src,
      target: pair.dst,
      remote: pair.remote === null ? undefined : { ...pair.remote, algorithm: 'xxh3-128' as const },
      map: mapOptions(pair, log),
      logDevice: logDevice ?? undefined,
      free: pair.free,
      startBytes: 0,
      stopBytes: null,
      repair: pair.repair,
      overrides: pair.overrides,
      signal,
    };
    const options = {
      ioOptions: pair.ioOptions,
      resume: true,
      maxMs: pair.maxTimeMs,
      stateDirectory,
    };
    const collecting: Reporter = {
      report(event) {
        if (event.type === 'note') notes.push(event);
        else reporter.report(event);
      },
    };
    const context = { reporter: collecting, signal };
    if (pair.online === null) return await verifyPair(request, options, context);
    const online = { ...pair.online, mustNotFreeze: [stateDirectory] };
    return await verifyOnline(request, options, online, context);
  } finally {
    await log?.close();
  }
}

function mapOptions({ whole, as, swap, crossCheck }: PairConfig, log: Volume | null): MapOptions {
  const family = whole ? 'whole' : as;
  return {
    swap,
    crossCheck,
    ...(family === null ? {} : { as: family }),
    ...(log === null ? {} : { externalJournal: log.reader }),
  };
}

function failure(
  pair: PairConfig,
  startedAt: number,
  error: FastsyncError,
  earlier: readonly RunRecord[],
): PairResult {
  const record = failedRecord(pair, startedAt, Math.max(0, Date.now() - startedAt) / 1000, error);
  return { pair, record, report: null, error, earlier, notes: [], staleness: null };
}

/** An unreadable history is reported, and counts as empty. */
async function earlierRuns({ name }: PairConfig, { stateDirectory, warn }: CheckContext) {
  try {
    return await readHistory(stateDirectory, name);
  } catch (error) {
    const { code, message } = asFastsyncError(error);
    warn(code, message);
    return [];
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

function interrupted(): FastsyncError {
  return new FastsyncError({
    code: 'INTERRUPTED',
    exitCode: exitCodes.interrupted,
    message: 'the check was interrupted',
    remedy: 'the next run resumes where this one stopped',
  });
}
