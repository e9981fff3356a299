/** The cutover of a seed: the source is held for as long as it takes to read what is left into memory. */

import type { IoOptions } from '../../engine/index.js';
import { type ExtentList, extentOf } from '../../region/index.js';
import type { Reporter } from '../../report/index.js';
import type { Volume } from '../../volume/index.js';
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
  readonly source: Volume;
  readonly writes: TrackedWrites;
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

/** Programs that the hook has told wait as well: another round is better than a longer wait. */
const busyPatienceMs = 3000;

/** What lies in memory after it, the header of the volume always included. */
export interface Cutover {
  readonly extents: ExtentList;
  /** With rescue: what of it could not be read. */
  readonly badRanges: ExtentList;
  /** Read while the source was held. */
  readonly frozenBytes: number;
  readonly freezeCallMs: number;
  readonly heldMs: number;
  /** ISO: the moment that this is the state of. */
  readonly consistentAt: string;
}

/**
 * Copies into memory what is dirty, runs the one hook, holds the source, copies the rest, releases it,
 * runs the other. Rejects as the point source does, with CUTOVER_TOO_LARGE if more is left than could be
 * read in time, MissedWrites, HOOK_FAILED, and as CutoverBuffer.fill() does. What is left stays in the
 * dirty set.
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
  // Before the hook: programs that it tells to wait shall wait for little.
  await preCopy.approach(signal);
  return freezeHooks.around(async () => {
    // What it had a database write is read while only the programs wait that it has told.
    if (hooks.beforeFreeze !== null) await preCopy.approach(signal);
    return await cutOverPreCopied(request, preCopy);
  });
}

/** The header has its place in it whether it was written or not. */
function preCopyOf({ source, limitBytes, ...request }: CutoverRequest): PreCopy {
  const always = extentOf(0, Math.min(headerBytes, limitBytes));
  return new PreCopy({ ...request, endpoint: source.endpoint, always }, request);
}

/**
 * Copies until the source is held: starting the watchdog and writing back take their time, and in the
 * freeze call itself writers wait already.
 */
async function cutOverPreCopied(request: CutoverRequest, preCopy: PreCopy): Promise<Cutover> {
  const { source, mustNotFreeze, maxFreezeMs, signal } = request;
  const isHeld = new AbortController();
  const copying = preCopy.keepUp(isHeld.signal, signal);
  // Its rejection is handled below; until then Node must not call it unhandled.
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

/** More may have been written since the last round than anybody should wait for: better release at once. */
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
