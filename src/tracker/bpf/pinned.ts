/** Pinned trackers: they outlive the process that started them, for scripts, until the machine restarts. */

import { realpath } from 'node:fs/promises';
import { type NativeTracker, trackerAddon } from './native-tracker.js';
import { exitCodes, FastsyncError } from '../../errors.js';
import { reach } from '../../reach.js';
import { totalBytes } from '../../region/index.js';
import { takeLock, type Volume } from '../../volume/index.js';
import { loaded, missedOf, startBpf, type Started } from './tracker.js';
import { endFolder, pinnedDirectories, makeFolder } from './bpffs.js';
import type { TrackedDevice } from './tracked-device.js';
import type { Drained, TrackerOptions } from '../types.js';

/** What is pinned with a tracker, as JSON. */
interface Note {
  readonly schema: typeof noteSchema;
  readonly path: string;
  readonly realPath: string;
  readonly startedAt: string;
  readonly trackedDevice: TrackedDevice;
  readonly granularityBytes: number;
  readonly unmatchedAtStart: number;
}

const noteSchema = 'fastsync-tracker/2';

export interface PinnedTracker {
  /** The path that the user gave at the start. */
  readonly path: string;
  readonly startedAt: string;
  readonly sizeBytes: number;
  readonly granularityBytes: number;
  readonly dirtyBytes: number;
  readonly memoryBytes: number;
  readonly missed: string | null;
}

/** Starts and pins one. Rejects with TRACKER_UNSUPPORTED, and with TRACKER_RUNS if one is pinned already. */
export async function pinTracker(
  volume: Volume,
  options: TrackerOptions = {},
): Promise<PinnedTracker> {
  const { identity } = volume;
  if ((await find(identity.realPath)) !== null) throw runs(identity.path);
  const started = await startBpf(identity, options);
  const note: Note = {
    schema: noteSchema,
    path: identity.path,
    realPath: identity.realPath,
    startedAt: new Date().toISOString(),
    trackedDevice: started.trackedDevice,
    granularityBytes: started.granularityBytes,
    unmatchedAtStart: started.unmatchedAtStart,
  };
  try {
    const name = started.trackedDevice.node.replaceAll(':', '-');
    const folder = await makeFolder(name, (making) => {
      started.native.pin(making, JSON.stringify(note));
    });
    if (folder === null) throw runs(identity.path);
    return await describe(note, started);
  } finally {
    started.native.close();
  }
}

/**
 * Takes what was written since the last successful drain and hands it to `tell`. It is cleared when
 * `tell` resolves; if `tell` rejects or the process is killed, the next drain gives the same ranges and
 * what was written since.
 */
export async function drainPinned<T>(
  path: string,
  tell: (drained: Drained, tracker: PinnedTracker) => Promise<T>,
): Promise<T> {
  const { folder, note } = await findOrThrow(path);
  await using _lock = await drainLock(note);
  return await withOpened(folder, note, async (native, started) => {
    const { dirty } = await native.hold();
    const tracker = await describe(note, started);
    const told = await tell({ dirty, missed: tracker.missed }, tracker);
    await native.clearHeld();
    return told;
  });
}

/** Passes to `tell` what the next drain would, and clears nothing. */
export async function peekPinned<T>(
  path: string,
  tell: (drained: Drained, tracker: PinnedTracker) => Promise<T>,
): Promise<T> {
  const { folder, note } = await findOrThrow(path);
  return withOpened(folder, note, async (native, started) => {
    const { dirty } = await native.read();
    const tracker = await describe(note, started);
    return tell({ dirty, missed: tracker.missed }, tracker);
  });
}

export async function stopPinned(path: string): Promise<void> {
  const { folder } = await findOrThrow(path);
  await endFolder(folder);
}

export async function listPinned(): Promise<PinnedTracker[]> {
  const list: PinnedTracker[] = [];
  for (const folder of await pinnedDirectories()) {
    const note = readNote(folder);
    if (note === null) continue;
    list.push(await withOpened(folder, note, (_native, started) => describe(note, started)));
  }
  return list;
}

async function withOpened<T>(
  folder: string,
  note: Note,
  action: (native: NativeTracker, started: Started) => Promise<T>,
): Promise<T> {
  const { trackedDevice, granularityBytes, unmatchedAtStart } = note;
  const native = await loaded(trackedDevice, granularityBytes, folder);
  try {
    return await action(native, { native, trackedDevice, granularityBytes, unmatchedAtStart });
  } finally {
    native.close();
  }
}

async function describe(note: Note, started: Started): Promise<PinnedTracker> {
  const { native, trackedDevice, granularityBytes } = started;
  return {
    path: note.path,
    startedAt: note.startedAt,
    sizeBytes: trackedDevice.disk.sizeBytes,
    granularityBytes,
    dirtyBytes: totalBytes((await native.read()).dirty),
    memoryBytes: native.health().memoryBytes,
    missed: await missedOf(started),
  };
}

/** Null if the folder is not ours, or of another version. */
function readNote(folder: string): Note | null {
  try {
    const note = JSON.parse(trackerAddon().trackerNote(folder)) as Omit<Note, 'schema'> & {
      schema: string;
    };
    return note.schema === noteSchema ? { ...note, schema: noteSchema } : null;
  } catch {
    return null;
  }
}

/** Finds it by path only: the device may be detached, and its tracker must still be stopped. */
async function find(path: string): Promise<{ folder: string; note: Note } | null> {
  await reach(path);
  const realPath = await realpath(path).catch(() => path);
  for (const folder of await pinnedDirectories()) {
    const note = readNote(folder);
    if (note?.realPath === realPath) return { folder, note };
  }
  return null;
}

async function findOrThrow(path: string): Promise<{ folder: string; note: Note }> {
  const found = await find(path);
  if (found !== null) return found;
  throw new FastsyncError({
    code: 'TRACKER_NOT_RUNNING',
    exitCode: exitCodes.usage,
    message: `no tracker runs on ${path}: nothing recorded the writes to it`,
    remedy: `start one (fastsync track start ${path}), then compare once; trackers end when the machine restarts`,
  });
}

async function drainLock({ trackedDevice, path }: Note) {
  try {
    return await takeLock(`tracker-${trackedDevice.node}`, path);
  } catch (error) {
    if (!(error instanceof FastsyncError) || error.code !== 'LOCKED') throw error;
    throw new FastsyncError({
      code: 'LOCKED',
      exitCode: exitCodes.locked,
      message: `another process is draining the tracker of ${path}`,
      remedy: 'wait for it to end, or stop it',
      cause: error,
    });
  }
}

function runs(path: string): FastsyncError {
  return new FastsyncError({
    code: 'TRACKER_RUNS',
    exitCode: exitCodes.usage,
    message: `a tracker already runs on ${path}`,
    remedy: `drain it, or stop it first (fastsync track stop ${path})`,
  });
}
