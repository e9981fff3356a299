/**
 * Brings a committed epoch onto its target, which is stamped as unfinished from the first write to the
 * last. While it is neither the old state nor the new one it carries no signature: torn, it cannot be
 * mounted. Doing it twice does no harm.
 */

import { copy, type IoOptions } from '../../engine/index.js';
import type { Volume } from '../../volume/index.js';
import {
  invalidate,
  isBetween,
  publishEpoch,
  readSignatureArea,
  signatureAreaBytes,
  targetState,
} from '../target-header/index.js';
import { watchJob, type Watch } from '../watch-job.js';
import type { CommitRecord } from './commit-record.js';
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
  const extents = Float64Array.from(record.extents);
  await invalidate(target, record.runId, signatureAreaBytes);
  await publishEpoch(target, extents, async (part) => {
    // Each job ends with a flush: what comes after it comes when it is on the disk.
    const sides = { source: journal.endpoint, targets: [target.endpoint] };
    await watchJob(copy({ ...ioOptions, ...sides, extents: part }), watching);
  });
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
  const record = await journal.committed();
  const isIntact = record !== null && (await journal.isIntact(record));
  // It may have been applied to the end, and the run killed before it could say so.
  const known = [signatureArea, record?.signatureArea].filter((one) => typeof one === 'string');
  const state = await targetState(volume.reader, known);
  const isTorn = state.kind === 'in progress' || state.kind === 'blank';
  // A journal that was left behind elsewhere, and came back: the target has had later epochs since.
  const isDue = isIntact && (isTorn || record.epoch > epoch);
  if (isDue && (await isAwaiting(volume, journal, record))) return { kind: 'committed', record };
  const isDamaged = record !== null && !isIntact;
  if (!isTorn) return { kind: state.kind, isDamaged };
  // Torn, and not by this epoch: by another run, a seed that was not finished say, or it was wiped.
  const isStampedByOther = state.kind === 'in progress' && state.runId !== record?.runId;
  return { kind: isIntact && !isStampedByOther ? 'foreign' : 'unfinished', isDamaged };
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
