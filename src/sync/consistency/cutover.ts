/**
 * The cutover of a seed: holds the source for as long as it takes to read the remaining dirty ranges into
 * memory.
 */

import type { IoOptions } from '../../engine/index.js';
import { type ExtentList, extentOf } from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import type { HostVolume } from '../../volume/index.js';
import { headerBytes } from '../target-header/index.js';
import type { CutoverBuffer } from './cutover-buffer.js';
import { leftTooMuch } from './errors.js';
import { FreezeHooks, hookFailure } from './freeze-hooks.js';
import { FreezePoints } from './freeze-points.js';
import type { Hooks } from './hooks.js';
import type { HeldPoint, Released } from './point-source.js';
import { PreCopy } from './pre-copy.js';
import type { TrackedWrites } from './tracked-writes.js';

export interface CutoverRequest {
  readonly source: HostVolume;
  readonly writes: TrackedWrites;
  readonly buffer: CutoverBuffer;
  readonly hooks: Hooks;
  readonly maxFreezeMs: number;
  /** The read speed measured on the remaining ranges. */
  readonly bytesPerSecond: number;
  readonly ioOptions: IoOptions;
  readonly rescue: boolean;
  /** The end of the smallest target. */
  readonly limitBytes: number;
  readonly mustNotFreeze: readonly string[];
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** Programs that the hook has paused wait too, so another round is better than a longer wait. */
const busyPatienceMs = 3000;

/** What the buffer holds after the cutover. The volume's header is always included. */
export interface Cutover {
  readonly extents: ExtentList;
  /** With --rescue: the ranges of it that could not be read. */
  readonly badRanges: ExtentList;
  /** Read while the source was held. */
  readonly frozenBytes: number;
  readonly freezeCallMs: number;
  readonly heldMs: number;
  /** ISO 8601: the moment whose state the buffer completes. */
  readonly consistentAt: string;
}

/**
 * Copies the dirty ranges into memory, runs the hook before the freeze, holds the source, copies the
 * rest, releases the source, runs the hook after it. Rejects as the point source does, with
 * CUTOVER_TOO_LARGE if more is left than can be read in time, with MissedWrites and HOOK_FAILED, and as
 * CutoverBuffer.fill() does. The ranges stay in the dirty set.
 */
export async function cutOver(request: CutoverRequest): Promise<Cutover> {
  const { source, hooks, reporter, signal } = request;
  const preCopy = preCopyOf(request);
  const freezeHooks = new FreezeHooks({
    hooks,
    path: source.identity.path,
    onFailure: (error) => {
      reporter.report(hookFailure(error));
    },
    signal,
  });
  // Before the hook, so that the programs it pauses wait only briefly.
  await preCopy.approach(signal);
  return freezeHooks.around(async () => {
    // The hook may make a database write; read that while only the paused programs wait.
    if (hooks.beforeFreeze !== null) await preCopy.approach(signal);
    return await cutOverPreCopied(request, preCopy);
  });
}

/** Reserves room for the header even if it was not written. */
function preCopyOf({ source, limitBytes, ...request }: CutoverRequest): PreCopy {
  const always = extentOf(0, Math.min(headerBytes, limitBytes));
  return new PreCopy({ ...request, endpoint: source.endpoint, always }, request);
}

/**
 * Keeps copying until the source is held: starting the watchdog and writing back take time, and writers
 * already wait during the freeze call.
 */
async function cutOverPreCopied(request: CutoverRequest, preCopy: PreCopy): Promise<Cutover> {
  const { source, mustNotFreeze, maxFreezeMs, signal } = request;
  const isHeld = new AbortController();
  const copying = preCopy.keepUp(isHeld.signal, signal);
  // The rejection is handled below; this keeps Node from reporting it as unhandled.
  copying.catch(() => undefined);
  const drain = async () => {
    isHeld.abort();
    await copying;
    await preCopy.drain();
  };
  const points = new FreezePoints({
    source,
    maxFreezeMs,
    busyPatienceMs,
    mustNotFreeze,
    drain,
    signal,
  });
  try {
    await using held = await points.hold();
    return await readHeld(request, preCopy, held);
  } finally {
    isHeld.abort();
    await copying.catch(() => undefined);
  }
}

async function readHeld(
  request: CutoverRequest,
  preCopy: PreCopy,
  held: HeldPoint,
): Promise<Cutover> {
  const frozenBytes = preCopy.pendingBytes;
  await refuseTooMuch(request, preCopy, held);
  await preCopy.read(AbortSignal.any([request.signal, held.ended]));
  const { enterMs: freezeCallMs, heldMs } = lasting(await held.release());
  const { held: extents, badRanges } = preCopy;
  const consistentAt = new Date(held.moment).toISOString();
  return { extents, badRanges, frozenBytes, freezeCallMs, heldMs, consistentAt };
}

function lasting(released: Released) {
  if (released.kind === 'written') throw released.error;
  return released;
}

/** Releases at once if more was written since the last round than fits the freeze limit. */
async function refuseTooMuch(
  { source, bytesPerSecond }: CutoverRequest,
  preCopy: PreCopy,
  held: HeldPoint,
): Promise<void> {
  const bytes = preCopy.pendingBytes;
  const leftMs = held.leftMs();
  const fits = await preCopy.fits();
  if (fits && (bytes / bytesPerSecond) * 1000 <= leftMs) return;
  const limit = fits ? 'time' : 'memory';
  throw leftTooMuch({ code: 'CUTOVER_TOO_LARGE', path: source.identity.path, bytes, limit });
}
