/** Whether a volume carries the signatures of a source: then it is taken for the same. */

import { probe, type Signature } from '../../fsparsers/index.js';
import { openVolume, type Volume } from '../volume/index.js';

/** The same signatures; these and more, of a former life or of another use; or not even these. */
export type Likeness = 'same' | 'more' | 'other';

/** Which signatures count: all, or only those beyond doubt that identify something. */
export type Counted = 'all' | 'identifying';

export async function likeness(
  source: Volume,
  target: string,
  counted: Counted,
): Promise<Likeness> {
  await using volume = await openVolume(target);
  const namesOf = (signatures: readonly Signature[]) =>
    new Set(signatures.filter((one) => counted === 'all' || isIdentifying(one)).map(nameOf));
  const left = namesOf(await probe(source.reader));
  // What cannot be read carries no signature that one could go by.
  const right = namesOf(await probe(volume.reader).catch(() => []));
  if (left.size === 0 || ![...left].every((name) => right.has(name))) return 'other';
  return left.size === right.size ? 'same' : 'more';
}

function isIdentifying({ doubt, uuid }: Signature): boolean {
  return doubt === null && uuid !== null;
}

function nameOf({ type, uuid, offsetBytes }: Signature): string {
  return JSON.stringify([type, uuid, offsetBytes]);
}
