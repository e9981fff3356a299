/** What a volume is: which storage, how large, and the names that people know it by. */

import type { NodeId } from './node.js';

export interface VolumeIdentity {
  /** As the user wrote it. */
  readonly path: string;
  /** Without symbolic links. */
  readonly realPath: string;
  readonly kind: 'block' | 'file';
  /** The same for every path, link or bind mount that leads to the same storage. */
  readonly node: NodeId;
  readonly sizeBytes: number;
  /** Smallest write that the device takes: its logical sector; 512 for a file. */
  readonly logicalBlockBytes: number;
  /** The kernel refuses writes (a read-only loop device, a write-protected disk). */
  readonly readOnly: boolean;
  /**
   * Survives a reboot where the system offers such a name: "/dev/disk/by-id/...", for files the real
   * path. For checkpoints and messages; `node` decides.
   */
  readonly stableId: string;
  readonly model: string | null;
  readonly serial: string | null;
  /** The disk that this is a partition of: "/dev/sda". */
  readonly partitionOf: string | null;
  /** What a loop device stands on. */
  readonly backingFile: string | null;
}
