/** The permissions of an agent, from its command line. They limit every request of a driver. */

import { exitCodes, FastsyncError } from '../errors.js';
import {
  identifyTarget,
  identifyVolume,
  type Override,
  type VolumeIdentity,
} from '../volume/index.js';

export interface Permissions {
  /** The only volume that may be opened; null: any. */
  readonly only: string | null;
  /** Whether no volume may be written. */
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
 * Compares identities and not names, because a disk may have several names. `opened`: the identity behind
 * the name. Rejects with AGENT_REFUSED.
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
