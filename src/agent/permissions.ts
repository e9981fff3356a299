/** What the command line that started an agent allows: no request of a driver goes beyond it. */

import { exitCodes, FastsyncError } from '../errors.js';
import {
  identifyTarget,
  identifyVolume,
  type Override,
  type VolumeIdentity,
} from '../volume/index.js';

export interface Permissions {
  /** The one volume that may be opened, whatever is asked for; null: any. */
  readonly only: string | null;
  /** No volume may be written. */
  readonly readOnly: boolean;
  /** The overrides that a driver's user may use; null: all. */
  readonly allow: ReadonlySet<Override> | null;
}

export function refused(message: string, remedy?: string): FastsyncError {
  const exitCode = exitCodes.refused;
  return new FastsyncError({
    code: 'AGENT_REFUSED',
    exitCode,
    message,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/**
 * By what they are, not by their names: there may be several of these for one disk. `opened`: what the name
 * turned out to be. Rejects with AGENT_REFUSED.
 */
export async function refuseOther(
  path: string,
  { only }: Permissions,
  opened?: VolumeIdentity,
): Promise<void> {
  if (only === null || path === only) return;
  const allowed = await identifyVolume(only);
  const asked = opened ?? (await identifyTarget(path).catch(() => null));
  if (asked?.node === allowed.node) return;
  throw refused(`this agent may open ${only} only, and was asked for ${path}`);
}
