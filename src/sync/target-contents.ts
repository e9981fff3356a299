/** What a volume holds before a run overwrites it: its signatures, other data, the stamp of an unfinished copy. */

import { describeSignature, probe } from '../../fsparsers/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import { openVolume, type Volume, type VolumeIdentity } from '../volume/index.js';
import { holdsData } from './holds-data.js';
import { stampOn } from './target-header/index.js';

export interface Contents {
  /** One line each. */
  readonly holds: readonly string[];
  readonly stamp: string | null;
}

/** What is on a volume now, including data of unknown kind. */
export async function contentsOf(identity: VolumeIdentity): Promise<Contents> {
  await using volume = await openVolume(identity.path);
  try {
    const stamp = await stampOn(volume);
    return { holds: await contentsRead(volume, stamp), stamp };
  } catch (error) {
    // It may hold data nevertheless. For a run that writes nothing this does not matter.
    if (error instanceof FastsyncError && error.exitCode === exitCodes.incomplete) {
      return { holds: ['data that cannot be read'], stamp: null };
    }
    throw error;
  }
}

async function contentsRead(volume: Volume, stamp: string | null): Promise<string[]> {
  const signatures = await probe(volume.reader);
  // A damaged or outdated signature may be all that its owner has, so it is listed too.
  if (signatures.length > 0) return signatures.map(describeSignature);
  if (!(await holdsData(volume))) return [];
  return [stamp === null ? 'data of unknown kind' : 'a copy that another run left unfinished'];
}
