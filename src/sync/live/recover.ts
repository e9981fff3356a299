/** Completes what an interrupted replication committed, without its source. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { exitCodes, FastsyncError } from '../../errors.js';
import { identifyVolume, openVolume, takeLock, withVolumeErrors } from '../../volume/index.js';
import { applyEpoch, findCommitted } from './apply.js';
import { signatureAreaDigest } from '../target-header/index.js';
import { targetChanged, unfinished } from './errors.js';
import { Journal } from './journal.js';
import {
  liveDirectory,
  lockPair,
  pairKey,
  type ReplicaRecord,
  replicaFile,
  replicaSuffix,
} from './replica-file.js';

export interface Recovered {
  readonly replicaRecord: ReplicaRecord;
  /** False: there was nothing to do. */
  readonly applied: boolean;
}

/**
 * Gives the target the complete state of its last committed epoch. Rejects with NO_REPLICA where nothing
 * is known about it, with TARGET_UNFINISHED where it is torn and only its source can complete it, with
 * TARGET_CHANGED where somebody else wrote to it, with LOCKED where a run is replicating to it now.
 */
export async function recover(target: string, stateDirectory: string): Promise<Recovered> {
  const identity = await identifyVolume(target);
  const files = await replicasOf(identity.stableId, stateDirectory);
  if (files.length === 0) throw noReplica(target, stateDirectory);
  await using _lock = await takeLock(identity.node, target);
  await using volume = await openVolume(target, { write: true, expected: identity });
  let whole: ReplicaRecord | null = null;
  let isTorn = false;
  for (const { replicaRecord, file } of files) {
    const key = pairKey(replicaRecord.source.stableId, replicaRecord.target.stableId);
    await using _pair = await lockPair(key, target);
    await using journal = await Journal.openExisting(replicaRecord.journalDirectory, key);
    if (journal === null) continue;
    const finding = await findCommitted(journal, replicaRecord, volume);
    if (finding.kind === 'committed') {
      const { record } = finding;
      await withVolumeErrors(target, () => applyEpoch(journal, record, volume, {}));
      const { epoch, frozenAt: consistentAt } = record;
      const next = {
        ...replicaRecord,
        epoch,
        consistentAt,
        signatureArea: await signatureAreaDigest(volume.reader),
      };
      await file.save(next);
      await journal.reset();
      return { replicaRecord: next, applied: true };
    }
    if (finding.kind === 'whole') whole = replicaRecord;
    isTorn ||= finding.kind === 'unfinished';
  }
  if (whole !== null) return { replicaRecord: whole, applied: false };
  throw isTorn
    ? unfinished(target, 'there is no intact journal to complete it from')
    : targetChanged(target);
}

async function replicasOf(stableId: string, stateDirectory: string) {
  const directory = liveDirectory(stateDirectory);
  const names = await readdir(directory).catch(() => []);
  const found = [];
  for (const name of names.filter((one) => one.endsWith(replicaSuffix))) {
    const file = replicaFile(path.join(directory, name));
    const replicaRecord = await file.load();
    if (replicaRecord?.target.stableId === stableId) found.push({ replicaRecord, file });
  }
  return found;
}

function noReplica(target: string, stateDirectory: string): FastsyncError {
  return new FastsyncError({
    code: 'NO_REPLICA',
    exitCode: exitCodes.usage,
    message: `${stateDirectory} has no state of a replication to ${target}`,
    remedy: 'name the --state-dir that fastsync live was started with',
  });
}
