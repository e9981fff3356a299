/** What is needed to ask for owners, by whichever way. */

import type { OwnerCheck } from '../../crosscheck.js';
import { ParseError } from '../../errors.js';
import type { PaintedGroups } from '../map.js';
import type { Geometry } from '../superblock.js';
import type { MetadataView } from '../view.js';

export interface OwnerSearch {
  /** What decides: the device, or the device with its log replayed. */
  readonly view: MetadataView;
  readonly geometry: Geometry;
  readonly groups: PaintedGroups;
  /**
   * Inodes that the log changes; null where there are more than anybody counted. What the log says of
   * inodes is not replayed, so what the disk says of these is old.
   */
  readonly loggedInodes: ReadonlySet<number> | null;
  readonly signal?: AbortSignal | undefined;
}

/** What `read` cannot read, or finds damaged, makes the check partial; an abort ends it. */
export async function tolerating(
  structure: string,
  { signal }: OwnerSearch,
  check: OwnerCheck,
  read: () => Promise<void>,
): Promise<void> {
  try {
    await read();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ParseError) addFault(check, error);
    else check.addUnread(structure, `it cannot be read (${(error as Error).message})`);
  }
}

/** Takes down a structure that could not be read. */
export function addFault(check: OwnerCheck, { structure, offsetBytes, message }: ParseError): void {
  const place = `${structure} at byte ${offsetBytes}`;
  check.addUnread(place, message.slice(`${place}: `.length));
}
