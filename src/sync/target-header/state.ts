/** What the start of a target tells about it. */

import type { ByteReader } from '../../../fsparsers/reader.js';
import type { Volume } from '../../volume/index.js';
import { hexOf, readSignatureArea } from './signature-area.js';
import { isBlankStart, stampIn } from './stamp.js';

export type TargetState =
  /** A run has begun to write it and has not finished, or was killed. */
  | { readonly kind: 'in progress'; readonly runId: string }
  | { readonly kind: 'blank' }
  /** It has the signature area that it was left with. */
  | { readonly kind: 'whole' }
  /** It has another signature area. */
  | { readonly kind: 'foreign' };

/** `known`: digests of the signature areas that it may have been left with, see signatureAreaDigest(). */
export async function targetState(
  reader: ByteReader,
  known: readonly string[] = [],
): Promise<TargetState> {
  const area = await readSignatureArea(reader);
  const runId = stampIn(area);
  if (runId !== null) return { kind: 'in progress', runId };
  if (isBlankStart(area)) return { kind: 'blank' };
  return { kind: known.includes(hexOf(area)) ? 'whole' : 'foreign' };
}

/** Whether the target is stamped, or its signature area is empty. */
export async function isUnfinished({ reader }: Volume): Promise<boolean> {
  const { kind } = await targetState(reader);
  return kind === 'in progress' || kind === 'blank';
}
