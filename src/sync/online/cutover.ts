/** The cutover: the file system stands still for as long as it takes to read what is left into memory. */

import type { Effort } from '../../engine/index.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { type ExtentList, extentOf, totalBytes, union } from '../../region/index.js';
import { formatBytes, type Reporter } from '../../report/index.js';
import { freeze, type FrozenFilesystem, type LocalVolume } from '../../volume/index.js';
import { headBytes } from '../plan.js';
import type { Backlog } from './backlog.js';
import { type Hooks, runHook } from './hooks.js';
import type { Staging } from './staging.js';

export interface CutoverRequest {
  readonly source: LocalVolume;
  readonly backlog: Backlog;
  readonly staging: Staging;
  readonly hooks: Hooks;
  readonly maxFreezeMs: number;
  /** As measured on what is left. */
  readonly bytesPerSecond: number;
  readonly effort: Effort;
  readonly rescue: boolean;
  /** The end of the smallest target. */
  readonly limitBytes: number;
  readonly spared: readonly string[];
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/** What lies in memory after it, the head of the volume always included. */
export interface Cutover {
  readonly extents: ExtentList;
  /** With rescue: what of it could not be read. */
  readonly badRanges: ExtentList;
  readonly freezeCallMs: number;
  readonly heldMs: number;
  /** ISO: the moment that this is the state of. */
  readonly pointInTime: string;
}

/**
 * Runs the one hook, freezes, reads, thaws, runs the other. Rejects as freeze() and its thaw() do, with
 * CUTOVER_TOO_LARGE if more is left than could be read in time, MissedWrites, HOOK_FAILED, and as
 * Staging.fill() does. What is left stays in the backlog.
 */
export async function cutOver(request: CutoverRequest): Promise<Cutover> {
  const { source, hooks, spared, signal, maxFreezeMs } = request;
  const environment = { FASTSYNC_SOURCE: source.identity.path };
  try {
    await runHook('before-freeze', hooks, environment, signal);
    const volume = source.identity;
    await using frozen = await freeze({ volume, maxFreezeMs, spared, signal });
    return await readFrozen(request, frozen);
  } finally {
    // Also after a failure, and after Ctrl-C: whoever was told to wait must be told to go on.
    await runHook('after-freeze', hooks, environment).catch((error: unknown) => {
      // The copy is what it is; but whoever waits for this command must hear of it.
      const message = error instanceof Error ? error.message : String(error);
      const code = 'HOOK_FAILED';
      request.reporter.report({ type: 'note', severity: 'warning', code, message });
    });
  }
}

async function readFrozen(request: CutoverRequest, frozen: FrozenFilesystem): Promise<Cutover> {
  const { source, backlog, staging, effort, rescue, limitBytes, signal } = request;
  const agoMs = performance.now() - frozen.frozenAtMs;
  const pointInTime = new Date(Date.now() - agoMs).toISOString();
  await backlog.drain();
  const extents = union(backlog.extents, extentOf(0, Math.min(headBytes, limitBytes)));
  await refuseTooMuch(request, frozen, totalBytes(extents));
  const stop = AbortSignal.any([signal, frozen.expired]);
  const { badRanges } = await staging.fill(source.fd, extents, { effort, rescue, signal: stop });
  // Only now is it known that nobody wrote meanwhile: thaw() rejects if the freeze was over before.
  const { heldMs } = await frozen.thaw();
  return { extents, badRanges, freezeCallMs: frozen.freezeCallMs, heldMs, pointInTime };
}

/** More may have been written since the last look than anybody should wait for: better let go at once. */
async function refuseTooMuch(
  { source, staging, bytesPerSecond, maxFreezeMs }: CutoverRequest,
  { frozenAtMs, freezeCallMs }: FrozenFilesystem,
  bytes: number,
): Promise<void> {
  const leftMs = maxFreezeMs - freezeCallMs - (performance.now() - frozenAtMs);
  const fits = bytes <= (await staging.capacityBytes());
  if (fits && (bytes / bytesPerSecond) * 1000 <= leftMs) return;
  throw new FastsyncError({
    code: 'CUTOVER_TOO_LARGE',
    exitCode: exitCodes.incomplete,
    message: `${formatBytes(bytes)} were left to read when ${source.identity.path} stood still, too much for ${fits ? 'the time' : 'the memory'}, and it was let go again`,
    remedy: 'allow more with --max-freeze, or run it when less is written',
  });
}
