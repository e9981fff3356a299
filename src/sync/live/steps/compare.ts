/** Finds what differs and leaves it to the next epoch; the target is unchanged until then. */

import type { UsedMap } from '../../../../fsparsers/index.js';
import { compare } from '../../../engine/index.js';
import { totalBytes, union, usedExtents } from '../../../region/index.js';
import type { Volume } from '../../../volume/index.js';
import { watchJob } from '../../watch-job.js';
import { abortOf } from '../journal.js';
import { signatureAreaOf } from '../../target-header/index.js';
import type { StepContext } from './context.js';

const coarsestBytes = 1024 * 1024;

/** Resolves with the map that it used. Rejects as the map and the compare job do. */
export async function compareTarget(context: StepContext, volume: Volume): Promise<UsedMap> {
  const { replicationSource, dirty, ioOptions, notes, signal } = context;
  const source = replicationSource.volume;
  const map = await replicationSource.map();
  const request = {
    ...ioOptions,
    left: source.endpoint,
    extents: usedExtents(map.ranges),
    granularityBytes: Math.min(replicationSource.writes.granularityBytes, coarsestBytes),
  };
  const watch = { signal, onProgress: notes.progress('comparing') };
  const { differentRanges, unreadableRanges, cancelled } = await volume.lend((right) =>
    watchJob(compare({ ...request, right }), watch),
  );
  if (cancelled) throw abortOf(signal);
  const differing = union(differentRanges, unreadableRanges);
  notes.inform(`compared, ${totalBytes(differing)} bytes differ`);
  // The signature area is always dirty, so there will be an epoch, and with it a moment that the
  // target holds.
  dirty.add(union(differing, signatureAreaOf(source.identity.sizeBytes)));
  return map;
}
