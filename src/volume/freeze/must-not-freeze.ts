/** The paths that the run itself writes while a file system is frozen must not lie on that file system. */

import { realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exitCodes, FastsyncError } from '../../errors.js';
import { reach } from '../../reach.js';
import { footprint, sharesStorage, type Footprint } from '../host/footprint.js';
import type { Freezable } from './freezable.js';
import { lockDirectory } from '../local/lock.js';
import type { Mount } from '../host/mounts.js';
import { mountIdOf, pathOfOpenFile } from '../host/processes.js';
import { newFileNode, nodeOfStat } from '../node.js';
import type { SystemState } from '../host/system.js';

interface Place {
  /** A description, if the path is not enough. */
  readonly what?: string;
  readonly path: string;
}

/**
 * Rejects with FastsyncError FREEZE_OWN_STATE if a path of `mustNotFreeze`, existing or not, or something
 * that every run writes to, lies on the file system, also through a loop device or an overlay. The program
 * itself may lie there: reading, running and mapping files does not wait for the thaw, nor do access times.
 */
export async function refuseOwnState(
  volume: string,
  { mounts }: Freezable,
  mustNotFreeze: readonly string[],
  system: SystemState,
): Promise<void> {
  const frozen = mounts.flatMap(({ nodes }) => nodes).map((node) => footprint(node, system.graph));
  const places: Place[] = [
    ...mustNotFreeze.map((given) => ({ path: given })),
    { what: 'the working directory', path: process.cwd() },
    { what: 'the directory for temporary files', path: tmpdir() },
    { what: 'the directory for locks', path: lockDirectory() },
    ...(await outputFiles(system)),
  ];
  for (const place of places) {
    const own = await footprintOfPlace(place.path, system);
    if (frozen.some((one) => sharesStorage(own, one))) throw onFrozen(volume, place);
  }
}

/** Standard output and error, if they go to files. */
async function outputFiles({ mounts }: SystemState): Promise<Place[]> {
  const places: Place[] = [];
  for (const [fd, what] of [
    [1, 'standard output'],
    [2, 'standard error'],
  ] as const) {
    const target = await pathOfOpenFile(fd);
    // A file on a server does not lie on the file system that is frozen, and the server may not answer.
    if (target !== '' && (await mountOfOutput(fd, mounts))?.answers === true)
      places.push({ what, path: target });
  }
  return places;
}

async function mountOfOutput(fd: number, mounts: readonly Mount[]): Promise<Mount | undefined> {
  const id = await mountIdOf('self', fd);
  return mounts.find((mount) => mount.id === id);
}

/** The footprint of a path, or of a file to be created there, by the nearest existing directory. */
async function footprintOfPlace(given: string, system: SystemState): Promise<Footprint> {
  await reach(given);
  for (let place = path.resolve(given); ; place = path.dirname(place)) {
    const real = await realpath(place).catch(() => null);
    if (real === null && place !== '/') continue;
    const found = await stat(real ?? '/', { bigint: true });
    const node = nodeOfStat(found);
    if (node !== null) return system.footprintOf(node, real ?? '/');
    const file = path.join(real ?? '/', 'file');
    return system.footprintOf(newFileNode(file), file);
  }
}

function onFrozen(volume: string, { what, path: place }: Place): FastsyncError {
  return new FastsyncError({
    code: 'FREEZE_OWN_STATE',
    exitCode: exitCodes.refused,
    message: `${volume} cannot be frozen: ${what === undefined ? place : `${what} (${place})`} lies on it, so the run would block itself`,
    remedy: 'put it on another file system',
  });
}
