/** Freezes a mounted file system for a moment; a watchdog thaws it whatever becomes of us. */

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
import { mountIdOf } from '../host/processes.js';
import { refuseOwnState } from './must-not-freeze.js';
import { systemRoots } from '../host/sysfs.js';
import { SystemState } from '../host/system.js';

/** A file system that stands still. `await using` or thaw() lets it go on. */
export interface FrozenFilesystem {
  readonly mountPoint: string;
  /** performance.now() at the moment when the freeze was complete. */
  readonly frozenAtMs: number;
  /** How long the freeze call took, in which writers wait already and dirty data is written back. */
  readonly freezeCallMs: number;
  /** Fires when it was thawed without thaw(): by the watchdog, or by somebody else. */
  readonly expired: AbortSignal;
  /**
   * Thaws, and says how long it stood still after the freeze call. Rejects with FastsyncError
   * FREEZE_TIMED_OUT if the time was up before, and FREEZE_LOST if it was thawed before for another
   * reason: what was read since is then NOT of one point in time.
   */
  thaw(): Promise<{ heldMs: number }>;
  /** Thaws if that was not done; what came of it, only thaw() tells. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FreezeRequest {
  readonly volume: VolumeIdentity;
  /** The longest that writers may wait, from the beginning of the freeze call. Default 5000. */
  readonly maxFreezeMs?: number;
  /**
   * How long to wait for the end of another freeze. Default: ten seconds for a stranger's, ten minutes for
   * another run of fastsync, which thaws in good time by itself.
   */
  readonly busyPatienceMs?: number;
  /** What must not lie on the file system, because it is written while frozen: our state, log, targets. */
  readonly mustNotFreeze: readonly string[];
  /** Gives up waiting for the freeze, or thaws. */
  readonly signal?: AbortSignal;
}

const defaultMaxFreezeMs = 5000;
/** As native/freezer/main.cc takes it. */
const longestFreezeMs = 3_600_000;
const busyPatience = { strangersMs: 10_000, oursMs: 600_000 };
/** Two runs that wait for one another must not meet again and again. */
const busyPauseMs = { least: 20, most: 120 };
/** Between looking where it is mounted and opening it there, it may be unmounted, and mounted elsewhere. */
const reachTries = 40;
const reachPauseMs = 25;

/**
 * Writes the file system back, freezes it, and has a watchdog process thaw it in any case. Waits for the
 * end of another freeze, and for a mount that is just being changed. Rejects with FastsyncError as
 * findFreezable() does, and with FREEZE_OWN_STATE, FREEZE_BUSY (still frozen, by somebody else),
 * FREEZE_TIMED_OUT (freezing alone took too long), PERMISSION_DENIED, FREEZE_FAILED.
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
    const { strangersMs, oursMs } = busyPatience;
    const patienceMs = busyPatienceMs ?? (run === null ? strangersMs : oursMs);
    const waitedMs = performance.now() - startedMs;
    if (waitedMs >= patienceMs) throw freezeBusy(volume.path, run, waitedMs);
    const { least, most } = busyPauseMs;
    await sleep(least + Math.random() * (most - least), undefined, { signal });
  }
}

/** A file system to freeze, and a directory of it that is open: it stays what it is meanwhile. */
interface Reached {
  readonly found: Freezable;
  readonly directory: FileHandle;
}

/** Finds where the volume is mounted now, as often as that changes under our eyes. */
async function reach({ volume, mustNotFreeze, signal }: FreezeRequest): Promise<Reached> {
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    const system = await SystemState.read([volume.path, ...mustNotFreeze], systemRoots);
    const found = await freezableOn(volume, system);
    await refuseOwnState(volume.path, found, mustNotFreeze, system);
    const directory = await openDirectory(found);
    if (directory !== null) return { found, directory };
    if (tries === reachTries) {
      const reason = 'none of the places where it is mounted can be reached from here';
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

/** A directory of the very file system that was found, by whichever of its mounts can be reached. */
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

/** Not so where another mount hides this one, or has taken its place since. */
async function isOn(handle: FileHandle, { id, superblock, fsType }: Mount): Promise<boolean> {
  if ((await mountIdOf('self', handle.fd)) !== id) return false;
  // Every subvolume of a btrfs has a device number of its own.
  const { major, minor } = deviceNumbers((await handle.stat({ bigint: true })).dev);
  return fsType === 'btrfs' || superblock === `${major}:${minor}`;
}
