/** A mounted source with its replica, and an epoch that was committed to it and is still to be applied. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { sectorDigests } from '../../src/sync/target-header/index.js';
import { Journal } from '../../src/sync/live/journal.js';
import { pairKey } from '../../src/sync/live/replica-file.js';
import { stampSector } from '../../src/sync/target-header/index.js';
import { identifyVolume, openVolume } from '../../src/volume/index.js';
import { follow, followPlaces } from './live-run.js';
import { randomFrom } from './random.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from './scratch.js';
import { extKind, type Kind, mebibyte } from './seeding.js';

export const ext4 = extKind('mkfs.ext4');
export const ext4Bytes = 64 * mebibyte;

export type Followed = Awaited<ReturnType<typeof followed>>;

/** A mounted source, and a target that was followed until its first epoch. */
export async function followed(t: ExecutionContext, kind: Kind = ext4, sizeBytes = ext4Bytes) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), sizeBytes);
  const [mkfs, ...options] = kind.mkfs;
  await execa(mkfs, [...options, image]);
  const device = await attachLoop(t, image);
  const mount = await mounted(t, device);
  const write = async (name: string, bytes: number) => {
    const file = path.join(mount.directory, name);
    await writeFile(file, randomFrom(bytes).bytes(bytes), { flush: true });
    await execa('sync', ['--file-system', mount.directory]);
  };
  await write('first', mebibyte);
  const target = path.join(directory, 'target.img');
  await follow(directory, device, target, () => true);
  return { directory, image, device, mount, write, target };
}

/** As `kill -9` leaves it after the commit, before the first write to the target. Gives the journal's path. */
export async function commitEpoch(
  { directory, device, target }: Followed,
  epoch = 1000,
): Promise<string> {
  const { journalDirectory } = followPlaces(directory);
  await using source = await openVolume(device);
  await using volume = await openVolume(target);
  const { stableId } = await identifyVolume(target);
  const key = pairKey(source.identity.stableId, stableId);
  await using journal = await Journal.open(journalDirectory, key, ext4Bytes);
  await journal.stage(source.endpoint, Float64Array.of(0, ext4Bytes), {}, {});
  await journal.commit({
    runId: 'killed',
    source: source.identity.stableId,
    sourcePath: device,
    target: stableId,
    epoch,
    frozenAt: Date.now(),
    before: await sectorDigests(volume.reader),
  });
  return journal.path;
}

/** As it leaves it in the middle of applying the epoch; `markedBy` default: that epoch's run. */
export async function tear(pair: Followed, markedBy = 'killed'): Promise<string> {
  const journal = await commitEpoch(pair);
  const head = Buffer.concat([stampSector(markedBy)], mebibyte);
  await writeFile(pair.target, head, { flag: 'r+', flush: true });
  return journal;
}
