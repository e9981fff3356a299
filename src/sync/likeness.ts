/** Whether a volume has the signatures of a source, and so counts as the same file system. */

import { probe, type Signature } from '../../fsparsers/index.js';
import type { Volume } from '../volume/index.js';

/**
 * `same`: exactly these signatures; `more`: further ones too, for example old ones; `other`: some are
 * missing.
 */
export type Likeness = 'same' | 'more' | 'other';

/** Which signatures count: all, or only plausible ones with a UUID. */
export type Counted = 'all' | 'identifying';

export async function likeness(
  source: Volume,
  target: Volume,
  counted: Counted,
): Promise<Likeness> {
  const namesOf = (signatures: readonly Signature[]) =>
    new Set(signatures.filter((one) => counted === 'all' || isIdentifying(one)).map(nameOf));
  const left = namesOf(await probe(source.reader));
  // An unreadable volume has no signatures to compare.
  const right = namesOf(await probe(target.reader).catch(() => []));
  if (left.size === 0 || ![...left].every((name) => right.has(name))) return 'other';
  return left.size === right.size ? 'same' : 'more';
}

function isIdentifying({ doubt, uuid }: Signature): boolean {
  return doubt === null && uuid !== null;
}

function nameOf({ type, uuid, offsetBytes }: Signature): string {
  return JSON.stringify([type, uuid, offsetBytes]);
}
