/**
 * Applies a committed epoch to its target. The target is stamped as unfinished from the first write to
 * the last: while it holds neither the old state nor the new one, it has no signature and cannot be
 * mounted. Applying an epoch twice is harmless.
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

/** Applies what the journal holds. Rejects as the engine's jobs do; the commit record remains then. */
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
    // Each job ends with a flush, so the parts become durable in this order.
    await target.lend((endpoint) => {
      const sides = { source: journal.endpoint, targets: [endpoint] };
      return watchJob(copy({ ...ioOptions, ...sides, extents: part }), watching);
    });
  });
}

/** The state in which a target and its journal were found. */
export type Finding =
  /** The journal holds a complete epoch that is to be applied to the target. */
  | { readonly kind: 'committed'; readonly record: CommitRecord }
  /**
   * The target holds: its last epoch; a torn or unfinished state; or something that was not left here,
   * judging by its signature area.
   */
  | { readonly kind: 'whole' | 'unfinished' | 'foreign'; readonly isDamaged: boolean };

/** Reads only. A journal is never applied to a target that somebody else wrote to. */
export async function findCommitted(
  journal: Journal,
  { signatureArea, epoch }: ReplicaRecord,
  volume: Volume,
): Promise<Finding> {
  const record = await journal.committed();
  const isIntact = record !== null && (await journal.isIntact(record));
  // The epoch may have been applied completely, and the run killed before it recorded that.
  const known = [signatureArea, record?.signatureArea].filter((one) => typeof one === 'string');
  const state = await targetState(volume.reader, known);
  const isTorn = state.kind === 'in progress' || state.kind === 'blank';
  // A stale journal that was moved away and returned: the target has had later epochs since.
  const isDue = isIntact && (isTorn || record.epoch > epoch);
  if (isDue && (await isAwaiting(volume, journal, record))) return { kind: 'committed', record };
  const isDamaged = record !== null && !isIntact;
  if (!isTorn) return { kind: state.kind, isDamaged };
  // Torn, but not by this epoch: by another run (an unfinished seed, for example), or it was wiped.
  const isStampedByOther = state.kind === 'in progress' && state.runId !== record?.runId;
  return { kind: isIntact && !isStampedByOther ? 'foreign' : 'unfinished', isDamaged };
}

/** Whether this is the target of the journal's epoch, in the state before, during or after applying it. */
export async function isAwaiting(
  volume: Volume,
  journal: Journal,
  { runId, before }: CommitRecord,
): Promise<boolean> {
  const after = await readSignatureArea(journal.reader);
  return isBetween(await readSignatureArea(volume.reader), { runId, before, after });
}
