/** The result of a parser: every byte of the device, with the reason why it is used or free. */

import type { RangeTable } from './rangetable.js';

export type JournalState =
  | 'none' // this kind of file system has none, or this one was made without
  | 'clean' // nothing in it is newer than the rest of the volume
  | 'replayed' // replayed in memory: the map is the union of before and after
  | 'dirty' // newer than the volume and not replayed: the map is the disk's own, and a hazard says so
  | 'unfollowable' // could not be followed: everything is used
  | 'external' // lies on another device
  | 'unknown'; // nobody looked: the volume is used whole

export interface Filesystem {
  /** As blkid names it: ext2, ext3, ext4, xfs, ntfs, ... */
  readonly type: string;
  readonly uuid: string | null;
  readonly label: string | null;
  readonly blockBytes: number;
  /** The size that the file system claims; the device may be larger. */
  readonly sizeBytes: number;
  readonly features: readonly string[];
  /**
   * `dirty`: not cleanly unmounted, or mounted now. `errors`: the file system has recorded damage.
   * `unknown`: nobody looked, because the volume is used whole.
   */
  readonly state: 'clean' | 'dirty' | 'errors' | 'unknown';
  readonly journal: { readonly state: JournalState; readonly detail: string };
  /** More of the geometry, for people: label to value, in the order to print. */
  readonly geometry: Readonly<Record<string, string | number>>;
}

/** Something a user should know about the map; `warning` where it costs exactness. */
export interface MapNote {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly message: string;
}

/** Stable and greppable. */
export type HazardCode =
  'NTFS_DIRTY' | 'NTFS_LOG_UNCLEAN' | 'NTFS_HIBERNATED' | 'NTFS_FAST_STARTUP';

/**
 * A state in which the disk may be older than data that its owner holds elsewhere (a log, a hibernated
 * session), so that the map cannot be trusted as it is. The user of the map refuses, with one refusal and
 * one override per code, or treats everything as used.
 */
export interface Hazard {
  readonly code: HazardCode;
  /** The finding and its place: one sentence without a full stop. */
  readonly message: string;
}

/** One partition of a whole disk, and what was found in it. */
export interface PartitionMap {
  /** As the kernel numbers it: 1 to 4 for primary, from 5 for logical partitions of an MBR. */
  readonly index: number;
  /** In bytes on the whole disk. */
  readonly start: number;
  readonly length: number;
  /** GPT: the type's GUID in upper case; MBR: the type byte in hexadecimal ("83"). */
  readonly type: string;
  readonly typeName: string | null;
  readonly name: string | null;
  readonly uuid: string | null;
  /** Null if no parser made a map: then all of the partition counts as used, and `problem` says why. */
  readonly filesystem: Filesystem | null;
  readonly problem: string | null;
}

/** Whether free space was checked against the owners of blocks. */
export interface CrossCheck {
  /** `partial`: some owners could not be read. `skipped`: not requested, too costly, or no owners exist. */
  readonly state: 'done' | 'partial' | 'skipped';
  /** Which owners were read ("inodes", "reverse-mapping trees", "$MFT"), or why none were. */
  readonly detail: string;
  /** Free bytes that have an owner; they count as used. */
  readonly contradictedBytes: number;
}

export interface UsedMap {
  readonly deviceBytes: number;
  readonly filesystem: Filesystem;
  readonly notes: readonly MapNote[];
  /** Absent if no parser made the map, or the parser has no allocation structures to check. */
  readonly crossCheck?: CrossCheck;
  /** Absent means none. */
  readonly hazards?: readonly Hazard[];
  /** For a whole disk only; `filesystem` then describes the partition table. */
  readonly partitions?: readonly PartitionMap[];
  /** Covers the whole device in order, without gaps; neighbours differ in reason. */
  readonly ranges: RangeTable;
  /** Describes what lies at a byte: "group 3 inode table", "superblock", "data". */
  locate(offsetBytes: number): string;
}
