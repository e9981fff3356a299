/** Finishes what an interrupted replication committed, without its source. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { exitCodes, FastsyncError } from '../../errors.js';
import { identifyVolume, openVolume, takeLock, withVolumeErrors } from '../../volume/index.js';
import { applyEpoch, findCommitted } from './apply.js';
import { crownDigest } from './crown.js';
import { targetChanged, unfinished } from './errors.js';
import { Journal } from './journal.js';
import {
  followDirectory,
  lockPair,
  pairKey,
  type Replica,
  replicaFile,
  replicaSuffix,
} from './replica-file.js';

export interface Recovered {
  readonly replica: Replica;
  /** False: there was nothing to do. */
  readonly applied: boolean;
}

/**
 * Makes the target the whole state of its last committed epoch. Rejects with NO_REPLICA where nothing is
 * known of it, with TARGET_UNFINISHED where it is torn and nothing can mend it but its source, with
 * TARGET_CHANGED where somebody else wrote to it, with LOCKED where it is being followed just now.
 */
export async function recover(target: string, stateDirectory: string): Promise<Recovered> {
  const identity = await identifyVolume(target);
  const files = await replicasOf(identity.stableId, stateDirectory);
  if (files.length === 0) throw noReplica(target, stateDirectory);
  await using _lock = await takeLock(identity.node, target);
  await using volume = await openVolume(target, { write: true, expected: identity });
  let whole: Replica | null = null;
  let isTorn = false;
  for (const { replica, file } of files) {
    const key = pairKey(replica.source.stableId, replica.target.stableId);
    await using _pair = await lockPair(key, target);
    await using journal = await Journal.openExisting(replica.journalDirectory, key);
    if (journal === null) continue;
    const finding = await findCommitted(journal, replica, volume);
    if (finding.kind === 'committed') {
      const { record } = finding;
      await withVolumeErrors(target, () => applyEpoch(journal, record, volume, {}));
      const { epoch, frozenAt: consistentAt } = record;
      const next = { ...replica, epoch, consistentAt, crown: await crownDigest(volume.reader) };
      await file.save(next);
      await journal.reset();
      return { replica: next, applied: true };
    }
    if (finding.kind === 'whole') whole = replica;
    isTorn ||= finding.kind === 'unfinished';
  }
  if (whole !== null) return { replica: whole, applied: false };
  throw isTorn
    ? unfinished(target, 'no intact journal is there to finish it')
    : targetChanged(target);
}

async function replicasOf(stableId: string, stateDirectory: string) {
  const directory = followDirectory(stateDirectory);
  const names = await readdir(directory).catch(() => []);
  const found = [];
  for (const name of names.filter((one) => one.endsWith(replicaSuffix))) {
    const file = replicaFile(path.join(directory, name));
    const replica = await file.load();
    if (replica?.target.stableId === stableId) found.push({ replica, file });
  }
  return found;
}

function noReplica(target: string, stateDirectory: string): FastsyncError {
  return new FastsyncError({
    code: 'NO_REPLICA',
    exitCode: exitCodes.usage,
    message: `nothing in ${stateDirectory} says that ${target} ever followed a source`,
    remedy: 'name the directory that fastsync live was given with --state-dir',
  });
}
