/**
 * Brings a committed epoch onto its target, which is marked as unfinished from the first write to the
 * last. While it is neither the old state nor the new one it carries no signature: torn, it cannot be
 * mounted. Doing it twice does no harm.
 *
 * A power failure may leave any part of a write, but of a sector all or nothing. So the stamp's sector is
 * written by itself, first and last: wherever the power fails, it says that the journal is to be applied.
 */

import { clear, copy, type IoOptions } from '../../engine/index.js';
import { clip, type ExtentList } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { hasStamp, isStamped, stampBytes, writeStamp } from '../stamp.js';
import { firstBlockBytes } from '../seed/plan.js';
import { watchJob, type Watch } from '../watch.js';
import type { CommitRecord } from './commit-record.js';
import {
  signatureAreaBytes,
  signatureAreaDigest,
  signatureAreaOf,
  isBetween,
  isUnfinished,
  readSignatureArea,
} from './signature-area.js';
import type { Journal } from './journal.js';
import type { ReplicaRecord } from './replica-file.js';

/** Applies what the journal holds. Rejects as the engine's jobs do; the record then still stands. */
export async function applyEpoch(
  journal: Journal,
  record: CommitRecord,
  target: Volume,
  watch: Pick<Watch, 'onProgress'> & { readonly ioOptions?: IoOptions },
): Promise<void> {
  const { ioOptions, ...watching } = watch;
  const { sizeBytes } = record;
  const extents = Float64Array.from(record.extents);
  const sectorBytes = Math.max(stampBytes, target.identity.logicalBlockBytes);
  const parts = (list: ExtentList) => [
    clip(list, sectorBytes, firstBlockBytes - sectorBytes),
    clip(list, firstBlockBytes, signatureAreaBytes - firstBlockBytes),
    clip(list, signatureAreaBytes, Math.max(0, sizeBytes - signatureAreaBytes)),
  ];
  await writeStamp(target, record.runId);
  for (const part of parts(signatureAreaOf(sizeBytes))) {
    if (part.length > 0) await clear({ target: target.endpoint, extents: part, mode: 'zero' }).done;
  }
  for (const part of [...parts(extents).reverse(), clip(extents, 0, sectorBytes)]) {
    if (part.length === 0) continue;
    // Each job ends with a flush: the first sector comes when all the rest is on the disk.
    const job = copy({
      ...ioOptions,
      source: journal.endpoint,
      targets: [target.endpoint],
      extents: part,
    });
    await watchJob(job, watching);
  }
}

/** What a target and its journal are after whatever happened. */
export type Finding =
  /** Everything of an epoch is in the journal, and the target is to get it. */
  | { readonly kind: 'committed'; readonly record: CommitRecord }
  /**
   * The target is: the whole state of its last epoch; torn or never finished; not what was left here,
   * as far as its signature area tells.
   */
  | { readonly kind: 'whole' | 'unfinished' | 'foreign'; readonly isDamaged: boolean };

/** Looks, and writes nothing. A journal is never meant for a target that somebody else wrote to. */
export async function findCommitted(
  journal: Journal,
  { signatureArea, epoch }: ReplicaRecord,
  volume: Volume,
): Promise<Finding> {
  const isTorn = await isUnfinished(volume);
  const record = await journal.committed();
  const isIntact = record !== null && (await journal.isIntact(record));
  // A journal that was left behind elsewhere, and came back: the target has had later epochs since.
  const isDue = isIntact && (isTorn || record.epoch > epoch);
  if (isDue && (await isAwaiting(volume, journal, record))) return { kind: 'committed', record };
  const isDamaged = record !== null && !isIntact;
  if (isTorn) {
    // Not by this epoch: by another run, a seed that was not finished say, or it was wiped.
    const isSomebodys = isIntact && !(await isStampedByOther(volume, record));
    return { kind: isSomebodys ? 'foreign' : 'unfinished', isDamaged };
  }
  const found = await signatureAreaDigest(volume.reader);
  // It may have been applied to the end without another word.
  const isOurs = found === signatureArea || found === record?.signatureArea;
  return { kind: isOurs ? 'whole' : 'foreign', isDamaged };
}

async function isStampedByOther(volume: Volume, { runId }: CommitRecord): Promise<boolean> {
  const head = await volume.reader.read(0, Math.min(stampBytes, volume.identity.sizeBytes));
  return isStamped(head) && !(await hasStamp(volume, runId));
}

/** Whether the target is the one that the journal's epoch is for, as it was before, after or in between. */
export async function isAwaiting(
  volume: Volume,
  journal: Journal,
  { runId, before }: CommitRecord,
): Promise<boolean> {
  const after = await readSignatureArea(journal.reader);
  return isBetween(await readSignatureArea(volume.reader), { runId, before, after });
}
