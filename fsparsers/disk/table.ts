/** The content of a partition table of any scheme. */

import type { MapNote } from '../usedmap.js';

export interface Partition {
  /** As the kernel numbers it. */
  readonly index: number;
  /** In bytes, as in the table; may lie after the end of the device. */
  readonly start: number;
  readonly length: number;
  /** GPT: the type's GUID in upper case; MBR: the type byte in hexadecimal. */
  readonly type: string;
  readonly typeName: string | null;
  readonly name: string | null;
  readonly uuid: string | null;
  /** Holds logical partitions and no file system of its own. */
  readonly isContainer: boolean;
}

/** Bytes that the table itself occupies, or that must never count as free. */
export interface NamedExtent {
  readonly name: string;
  readonly start: number;
  readonly length: number;
}

export interface PartitionTable {
  /** As blkid names it. */
  readonly scheme: 'gpt' | 'dos';
  readonly uuid: string | null;
  readonly sectorBytes: number;
  readonly partitions: readonly Partition[];
  /** The table's own sectors. */
  readonly structures: readonly NamedExtent[];
  /** Partitions that only a contradicting table lists. */
  readonly disputed: readonly NamedExtent[];
  readonly notes: readonly MapNote[];
}

/** The most partitions: far more than any system supports; each takes time to examine. */
export const mostPartitions = 1024;

export function warning(code: string, message: string): MapNote {
  return { severity: 'warning', code, message };
}
