/** What a volume is: which storage, how large, and the names that people know it by. */

import type { NodeId } from './node.js';

export interface VolumeIdentity {
  /** As the user wrote it. */
  readonly path: string;
  /** Without symbolic links. */
  readonly realPath: string;
  readonly kind: 'block' | 'file';
  /** The same for every path, link or bind mount that leads to this storage. */
  readonly node: NodeId;
  readonly sizeBytes: number;
  /** The smallest write that the device accepts: its logical sector; 512 for a file. */
  readonly logicalBlockBytes: number;
  /** The kernel refuses writes (a read-only loop device, a write-protected disk). */
  readonly readOnly: boolean;
  /**
   * The same after a reboot, where the system has such a name: "/dev/disk/by-id/..."; the real path of a
   * file. For checkpoints and messages; whether two are the same volume, `node` decides.
   */
  readonly stableId: string;
  readonly model: string | null;
  readonly serial: string | null;
  /** The disk that this is a partition of: "/dev/sda". */
  readonly partitionOf: string | null;
  /** The file behind a loop device. */
  readonly backingFile: string | null;
}

/** Whether the kernel that runs here owns the volume. */
export function isOfThisHost({ node }: Pick<VolumeIdentity, 'node'>): boolean {
  return !node.startsWith('remote:');
}
