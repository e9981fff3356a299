/** The input of both ways to read owners. */

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
   * The inodes that the log changes; null if there are too many to list. Replay does not change inodes,
   * so the disk's copies of these are outdated.
   */
  readonly loggedInodes: ReadonlySet<number> | null;
  readonly signal?: AbortSignal | undefined;
}

/** Structures that `read` cannot read or finds damaged make the check partial; an abort ends it. */
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

/** Records a structure that could not be read. */
export function addFault(check: OwnerCheck, { structure, offsetBytes, message }: ParseError): void {
  const place = `${structure} at byte ${offsetBytes}`;
  check.addUnread(place, message.slice(`${place}: `.length));
}
