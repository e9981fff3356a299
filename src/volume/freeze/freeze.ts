/** Freezes a mounted file system for a moment; a watchdog thaws it even if this process dies. */

import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOutOfFiles } from '../../errors.js';
import { volumeError } from '../errors.js';
import { freezableOn, freezeUnsupported, type Freezable } from './freezable.js';
import { endingError, freezeBusy, freezeFailure, isBusy } from './errors.js';
import { freezingRun } from './holder.js';
import { Freezer, type Frozen } from './freezer.js';
import type { VolumeIdentity } from '../identity.js';
import type { Mount } from '../host/mounts.js';
import { deviceNumbers } from '../node.js';
import { longestFreezeMs } from '../../quantities.js';
import { mountIdOf } from '../host/processes.js';
import { refuseOwnState } from './must-not-freeze.js';
import { systemRoots } from '../host/sysfs.js';
import { SystemState } from '../host/system.js';

/** A frozen file system. `await using` or thaw() thaws it. */
export interface FrozenFilesystem {
  readonly mountPoint: string;
  /** performance.now() when the freeze was complete. */
  readonly frozenAtMs: number;
  /** How long the freeze call took: writers wait, and the kernel writes back dirty data. */
  readonly freezeCallMs: number;
  /** Aborts when it is thawed without thaw(): by the watchdog, or by somebody else. */
  readonly expired: AbortSignal;
  /**
   * Thaws, and resolves with how long it was frozen after the freeze call. Rejects with FastsyncError
   * FREEZE_TIMED_OUT if the watchdog has thawed it at the time limit, and FREEZE_LOST if it was thawed
   * for another reason: what was read is then NOT from one point in time.
   */
  thaw(): Promise<{ heldMs: number }>;
  /** Thaws if thaw() was not called; only thaw() reports an early thaw. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FreezeRequest {
  readonly volume: VolumeIdentity;
  /** The longest that writers may wait, from the beginning of the freeze call. Default 5000. */
  readonly maxFreezeMs?: number;
  /**
   * How long to wait for another freeze to end. Default: ten minutes for one of another run of fastsync,
   * which thaws by itself, ten seconds for any other.
   */
  readonly busyPatienceMs?: number;
  /** What must not lie on the file system, because it is written while frozen: our state, log, targets. */
  readonly mustNotFreeze: readonly string[];
  /** Cancels the freeze, or thaws. */
  readonly signal?: AbortSignal;
}

const defaultMaxFreezeMs = 5000;
const busyPatience = { othersMs: 10_000, oursMs: 600_000 };
/** Random, so that two waiting runs do not collide again and again. */
const busyPauseMs = { least: 20, most: 120 };
/** Between finding where it is mounted and opening that, it may be unmounted and mounted elsewhere. */
const reachTries = 40;
const reachPauseMs = 25;

/**
 * Writes the file system back and freezes it under a watchdog process, which thaws it in any case. Waits
 * for another freeze to end, and while a mount is changing. Rejects with FastsyncError as findFreezable()
 * does, and with FREEZE_OWN_STATE, FREEZE_BUSY (still frozen, by somebody else), FREEZE_TIMED_OUT (the
 * freeze call took too long), PERMISSION_DENIED, FREEZE_FAILED.
 */
export async function freeze(request: FreezeRequest): Promise<FrozenFilesystem> {
  const { volume, maxFreezeMs = defaultMaxFreezeMs, busyPatienceMs, signal } = request;
  if (!(maxFreezeMs >= 1 && maxFreezeMs <= longestFreezeMs)) {
    throw new RangeError(`Expected maxFreezeMs from 1 to ${longestFreezeMs}, got ${maxFreezeMs}`);
  }
  const startedMs = performance.now();
  for (;;) {
    const reached = await reach(request);
    const frozen = await freezeReached(request, maxFreezeMs, reached);
    if (frozen !== null) return frozen;
    const run = await freezingRun(reached.found);
    const { othersMs, oursMs } = busyPatience;
    const patienceMs = busyPatienceMs ?? (run === null ? othersMs : oursMs);
    const waitedMs = performance.now() - startedMs;
    if (waitedMs >= patienceMs) throw freezeBusy(volume.path, run, waitedMs);
    const { least, most } = busyPauseMs;
    await sleep(least + Math.random() * (most - least), undefined, { signal });
  }
}

/** A file system to freeze, and an open directory of it, which pins it. */
interface Reached {
  readonly found: Freezable;
  readonly directory: FileHandle;
}

/** Finds where the volume is mounted now, again if that changes meanwhile. */
async function reach({ volume, mustNotFreeze, signal }: FreezeRequest): Promise<Reached> {
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    const system = await SystemState.read([volume.path, ...mustNotFreeze], systemRoots);
    const found = await freezableOn(volume, system);
    await refuseOwnState(volume.path, found, mustNotFreeze, system);
    const directory = await openDirectory(found);
    if (directory !== null) return { found, directory };
    if (tries === reachTries) {
      const reason = 'none of its mount points can be reached from here';
      throw freezeUnsupported(volume.path, reason);
    }
    await sleep(reachPauseMs, undefined, { signal });
  }
}

/** Null: it is frozen already. */
async function freezeReached(
  { volume, signal }: FreezeRequest,
  maxFreezeMs: number,
  { found, directory }: Reached,
): Promise<FrozenFilesystem | null> {
  try {
    signal?.throwIfAborted();
    const freezer = new Freezer(directory.fd, maxFreezeMs);
    const stop = () => {
      freezer.stop();
    };
    signal?.addEventListener('abort', stop, { once: true });
    const closed = freezer.gone.then(async () => {
      signal?.removeEventListener('abort', stop);
      await directory.close();
    });
    const frozen = await freezer.frozen;
    if (frozen !== null)
      return new WatchedFreeze(volume.path, found, freezer, frozen, closed, signal);
    const ending = await freezer.ending;
    await closed;
    signal?.throwIfAborted();
    if (isBusy(ending)) return null;
    throw freezeFailure(volume.path, ending, maxFreezeMs);
  } catch (error) {
    await directory.close();
    throw error;
  }
}

class WatchedFreeze implements FrozenFilesystem {
  readonly mountPoint: string;
  readonly frozenAtMs: number;
  readonly freezeCallMs: number;
  readonly #path: string;
  readonly #freezer: Freezer;
  readonly #closed: Promise<void>;
  readonly #signal: AbortSignal | undefined;
  readonly #expired = new AbortController();
  #thawed: Promise<{ heldMs: number }> | null = null;

  constructor(
    path: string,
    { mountPoint }: Freezable,
    freezer: Freezer,
    { frozenAtMs, freezeCallMs }: Frozen,
    closed: Promise<void>,
    signal: AbortSignal | undefined,
  ) {
    this.mountPoint = mountPoint;
    this.frozenAtMs = frozenAtMs;
    this.freezeCallMs = freezeCallMs;
    this.#path = path;
    this.#freezer = freezer;
    this.#closed = closed;
    this.#signal = signal;
    void this.#watch();
  }

  get expired(): AbortSignal {
    return this.#expired.signal;
  }

  thaw(): Promise<{ heldMs: number }> {
    this.#thawed ??= this.#thaw();
    return this.#thawed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thaw().catch(() => undefined);
  }

  async #watch(): Promise<void> {
    const ending = await this.#freezer.ending;
    if (this.#thawed === null || ending.type !== 'thawed' || ending.reason !== 'request') {
      this.#expired.abort(endingError(this.#path, ending));
    }
  }

  async #thaw(): Promise<{ heldMs: number }> {
    this.#freezer.stop();
    const ending = await this.#freezer.ending;
    await this.#closed;
    this.#signal?.throwIfAborted();
    if (ending.type !== 'thawed' || ending.reason !== 'request') {
      throw endingError(this.#path, ending);
    }
    return { heldMs: ending.heldMs };
  }
}

/** Opens a directory of the file system that was found, through any of its mounts that can be reached. */
async function openDirectory({ mounts }: Freezable): Promise<FileHandle | null> {
  for (const mount of mounts) {
    const place = `${mount.namespaceRoot}${mount.directory}`;
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    const handle = await open(place, flags).catch((error: unknown) => {
      if (isOutOfFiles(error)) throw volumeError(place, error);
      return null;
    });
    if (handle === null) continue;
    if (await isOn(handle, mount)) return handle;
    await handle.close();
  }
  return null;
}

/** False if another mount hides this one, or has taken its place. */
async function isOn(handle: FileHandle, { id, superblock, fsType }: Mount): Promise<boolean> {
  if ((await mountIdOf('self', handle.fd)) !== id) return false;
  // Every subvolume of a btrfs has a device number of its own.
  const { major, minor } = deviceNumbers((await handle.stat({ bigint: true })).dev);
  return fsType === 'btrfs' || superblock === `${major}:${minor}`;
}
