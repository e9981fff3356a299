/** The cutover: the file system stands still for as long as it takes to read what is left into memory. */

import type { IoOptions } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { type ExtentList, extentOf } from '../../region/index.js';
import { formatBytes, type Reporter } from '../../report/index.js';
import { freeze, type FrozenFilesystem, type Volume } from '../../volume/index.js';
import { headerBytes } from '../seed/plan.js';
import type { TrackedDirtySet } from './tracked-dirty-set.js';
import { type Hooks, runHook } from './hooks.js';
import { PreCopy } from './pre-copy.js';
import type { CutoverBuffer } from './cutover-buffer.js';

export interface CutoverRequest {
  readonly source: Volume;
  readonly dirtySet: TrackedDirtySet;
  readonly buffer: CutoverBuffer;
  readonly hooks: Hooks;
  readonly maxFreezeMs: number;
  /** As measured on what is left. */
  readonly bytesPerSecond: number;
  readonly ioOptions: IoOptions;
  readonly rescue: boolean;
  /** The end of the smallest target. */
  readonly limitBytes: number;
  readonly mustNotFreeze: readonly string[];
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Whoever heard of the hook waits as well: rather another round than more of that. */
const busyPatienceMs = 3000;

/** What lies in memory after it, the head of the volume always included. */
export interface Cutover {
  readonly extents: ExtentList;
  /** With rescue: what of it could not be read. */
  readonly badRanges: ExtentList;
  /** Read while the file system stood still. */
  readonly frozenBytes: number;
  readonly freezeCallMs: number;
  readonly heldMs: number;
  /** ISO: the moment that this is the state of. */
  readonly consistentAt: string;
}

/**
 * Reads ahead, runs the one hook, freezes, reads the rest, thaws, runs the other. Rejects as freeze() and
 * its thaw() do, with CUTOVER_TOO_LARGE if more is left than could be read in time, MissedWrites,
 * HOOK_FAILED, and as Staging.fill() does. What is left stays in the dirty set.
 */
export async function cutOver(request: CutoverRequest): Promise<Cutover> {
  const { source, hooks, signal } = request;
  const environment = { FASTSYNC_SOURCE: source.identity.path };
  const preCopy = preCopyOf(request);
  // Before the hook: whoever is told to wait shall wait for little.
  await preCopy.approach(signal);
  try {
    await runHook('before-freeze', hooks, environment, signal);
    // What it had a database write is read while only those wait who heard of the hook.
    if (hooks.beforeFreeze !== null) await preCopy.approach(signal);
    return await cutOverPreCopied(request, preCopy);
  } finally {
    // Also after a failure, and after Ctrl-C: whoever was told to wait must be told to go on.
    await runHook('after-freeze', hooks, environment, signal).catch((error: unknown) => {
      // The copy is what it is; but whoever waits for this command must hear of it.
      const message = error instanceof Error ? error.message : String(error);
      const code = 'HOOK_FAILED';
      request.reporter.report({ type: 'note', severity: 'warning', code, message });
    });
  }
}

/** The head has its place in it whether it was written or not. */
function preCopyOf({ source, limitBytes, ...request }: CutoverRequest): PreCopy {
  const always = extentOf(0, Math.min(headerBytes, limitBytes));
  return new PreCopy({ ...request, endpoint: source.endpoint, always }, request);
}

/**
 * Goes on reading ahead until the file system stands still: it takes its time to start the watchdog and
 * to write back, and in the freeze call itself writers wait already.
 */
async function cutOverPreCopied(request: CutoverRequest, preCopy: PreCopy): Promise<Cutover> {
  const { source, mustNotFreeze, signal, maxFreezeMs } = request;
  const standstill = new AbortController();
  const reading = preCopy.keepUp(standstill.signal, signal);
  // Heard below; until then nobody must call it unhandled.
  reading.catch(() => undefined);
  try {
    const volume = source.identity;
    await using frozen = await freeze({
      volume,
      maxFreezeMs,
      busyPatienceMs,
      mustNotFreeze,
      signal,
    });
    standstill.abort();
    await reading;
    return await readFrozen(request, preCopy, frozen);
  } finally {
    standstill.abort();
    await reading.catch(() => undefined);
  }
}

async function readFrozen(
  request: CutoverRequest,
  preCopy: PreCopy,
  frozen: FrozenFilesystem,
): Promise<Cutover> {
  const agoMs = performance.now() - frozen.frozenAtMs;
  const consistentAt = new Date(Date.now() - agoMs).toISOString();
  await preCopy.drain();
  const frozenBytes = preCopy.pendingBytes;
  await refuseTooMuch(request, preCopy, frozen);
  await preCopy.read(AbortSignal.any([request.signal, frozen.expired]));
  // Only now is it known that nobody wrote meanwhile: thaw() rejects if the freeze was over before.
  const { heldMs } = await frozen.thaw();
  const { held: extents, badRanges } = preCopy;
  const { freezeCallMs } = frozen;
  return { extents, badRanges, frozenBytes, freezeCallMs, heldMs, consistentAt };
}

/** More may have been written since the last look than anybody should wait for: better let go at once. */
async function refuseTooMuch(
  { source, bytesPerSecond, maxFreezeMs }: CutoverRequest,
  preCopy: PreCopy,
  { frozenAtMs, freezeCallMs }: FrozenFilesystem,
): Promise<void> {
  const bytes = preCopy.pendingBytes;
  const leftMs = maxFreezeMs - freezeCallMs - (performance.now() - frozenAtMs);
  const fits = await preCopy.fits();
  if (fits && (bytes / bytesPerSecond) * 1000 <= leftMs) return;
  throw new FastsyncError({
    code: 'CUTOVER_TOO_LARGE',
    exitCode: exitCodes.incomplete,
    message: `${formatBytes(bytes)} were left to read when ${source.identity.path} stood still, too much for ${fits ? 'the time' : 'the memory'}, and it was let go again`,
    remedy: 'allow more with --max-freeze, or run it when less is written',
  });
}
