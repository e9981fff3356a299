/** What is needed to ask for owners, by whichever way. */

import type { OwnerCheck } from '../../crosscheck.js';
import type { ParseError } from '../../errors.js';
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
}

/** Takes down a structure that could not be read. */
export function addFault(check: OwnerCheck, { structure, offsetBytes, message }: ParseError): void {
  const place = `${structure} at byte ${offsetBytes}`;
  check.addUnread(place, message.slice(`${place}: `.length));
}
