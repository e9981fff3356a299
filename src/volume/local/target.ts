/** Targets that are regular files: created if missing, with the source's exact size. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import { inFlight } from '../../in-flight.js';
import { errnoName, withVolumeErrors } from '../errors.js';
import type { VolumeIdentity } from '../identity.js';
import { identifyVolume } from './identify.js';
import { openLocal } from './open.js';

/** The volume at a target's path; null if nothing is there. Otherwise rejects as identifyVolume does. */
export async function identifyTarget(target: string): Promise<VolumeIdentity | null> {
  try {
    return await identifyVolume(target);
  } catch (error) {
    if (errnoName((error as Error).cause) === 'ENOENT') return null;
    throw error;
  }
}

/** Creates a sparse file that only its owner can read, and makes its name durable. */
export async function createTargetFile(target: string, sizeBytes: number): Promise<void> {
  await withVolumeErrors(target, async () => {
    const file = await open(target, 'wx', 0o600);
    try {
      await file.truncate(sizeBytes);
      await file.sync();
    } finally {
      await file.close();
    }
    const directory = await open(path.dirname(path.resolve(target)), 'r');
    await directory.sync().finally(() => directory.close());
  });
}

/**
 * Resizes an existing file to the source's exact size: labels and backup sectors are found from the
 * end. Rejects with VOLUME_CHANGED, and truncates nothing, if another file has taken its place.
 */
export async function resizeTargetFile(expected: VolumeIdentity, sizeBytes: number): Promise<void> {
  // openLocal() compares what it opened with what was identified before.
  await using volume = await openLocal(expected.path, { write: true, expected });
  await withVolumeErrors(expected.path, () =>
    inFlight(expected.path, () => volume.handle.truncate(sizeBytes)),
  );
}
