/** Digests of a volume's cells for a verification, computed by the volume's host. */

import {
  digestBytes,
  type DigestRequest,
  type DigestResult,
  type Job,
  noProgress,
  type Progress,
} from '../../engine/index.js';
import type { Calls } from '../../protocol/calls.js';
import { protocolBroken } from '../../protocol/index.js';
import { areAscending, decodeExtents, decodeNumbers, encodeNumbers } from '../../protocol/lists.js';
import { digestLimits, type ReplyOf } from '../../protocol/messages.js';
import { totalBytes } from '../../region/index.js';
import type { VolumeIdentity } from '../identity.js';

type Request = Omit<DigestRequest, 'source'>;

/** Like the engine's digestCells(); `done` also rejects as the session does. */
export function remoteDigests(
  calls: Calls,
  { sizeBytes }: VolumeIdentity,
  request: Request,
): Job<DigestResult> {
  const { extents, cellBytes, bytesPerSecond = 0 } = request;
  const algorithm = request.algorithm === 'xxh64' ? 'xxh3-128' : request.algorithm;
  const cancelled = new AbortController();
  let progress: Progress = { ...noProgress, totalBytes: totalBytes(extents) };
  const run = async (): Promise<DigestResult> => {
    const { reply, attachment } = await calls.call({
      type: 'digest',
      body: { algorithm, cellBytes, bytesPerSecond },
      attachment: encodeNumbers(extents),
      mostReplyBytes: mostReplyBytes(digestBytes[algorithm]),
      cancel: cancelled.signal,
      onProgress: (told) => {
        progress = told;
      },
    });
    const result = resultOf(reply, attachment, {
      digestBytes: digestBytes[algorithm],
      sizeBytes,
      cellBytes,
    });
    if (result === null) throw protocolBroken(calls.link.peer, 'digests of other cells');
    // Otherwise the caller would repeat the request forever.
    if (result.cancelled && !cancelled.signal.aborted)
      throw protocolBroken(calls.link.peer, 'a part of the digests, though nobody had it stop');
    progress = result.progress;
    return result;
  };
  return {
    progress: () => progress,
    cancel: () => {
      cancelled.abort();
    },
    done: run(),
  };
}

const numberBytes = 8;

function mostReplyBytes(bytesOfDigest: number): number {
  return (
    digestLimits.cells * (numberBytes + bytesOfDigest) + digestLimits.extents * 2 * numberBytes
  );
}

interface Grid {
  readonly digestBytes: number;
  readonly cellBytes: number;
  readonly sizeBytes: number;
}

/** Null if the reply does not match the request. The comparison checks which cells it may contain. */
function resultOf(
  {
    cells: count,
    digestBytes: length,
    unreadable,
    progress,
    backend,
    cancelled,
  }: ReplyOf<'digest'>,
  attachment: Uint8Array,
  grid: Grid,
): DigestResult | null {
  const digestsAt = count * numberBytes;
  const listAt = digestsAt + length;
  if (length !== count * grid.digestBytes) return null;
  if (attachment.length !== listAt + unreadable * 2 * numberBytes) return null;
  const cells = decodeNumbers(attachment.subarray(0, digestsAt));
  const unreadableRanges = decodeExtents(attachment.subarray(listAt), grid.sizeBytes);
  if (cells === null || unreadableRanges === null) return null;
  if (!areAscending(cells, Math.ceil(grid.sizeBytes / grid.cellBytes))) return null;
  const digests = Uint8Array.from(attachment.subarray(digestsAt, listAt));
  return { progress, backend, cancelled, cells, digests, unreadableRanges };
}
