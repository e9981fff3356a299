/**
 * Who uses a volume, as plain data for the refusals. The host that owns the storage provides it, because
 * only it knows its mounts, its processes and how its devices are stacked.
 */

import type { VolumeIdentity } from './identity.js';

/** The usage of one volume. `by` names the device through which it is used. */
export interface Usage {
  readonly mounts: readonly {
    readonly by: string;
    readonly directory: string;
    /** The file system itself, not just this mount of it, is read-only. */
    readonly readOnly: boolean;
    /** False in a mount namespace other than ours. */
    readonly own: boolean;
  }[];
  readonly swaps: readonly string[];
  /** Devices on top of the volume that hold it open: dm, md, loop. Partitions do not count. */
  readonly holders: readonly string[];
  readonly writers: readonly { readonly pid: number; readonly command: string }[];
  /** Descriptions of other hosts that use a file system on the volume. Absent: not checked. */
  readonly elsewhere?: readonly string[];
}

/** What the owner needs to find a volume again. */
export type Located = Pick<VolumeIdentity, 'node' | 'path' | 'realPath'>;

/** How one host's storage is stacked and who uses it, at the start of the run. */
export interface UsageSurvey {
  usageOf(volume: Located): Promise<Usage>;
  /** Whether writing to one can change the other. */
  share(a: Located, b: Located): Promise<boolean>;
  /** Whether a directory lies on a file system that is on the volume, or on a device above it. */
  liesOn(directory: string, volume: Located): Promise<boolean>;
}

/** Everything that a run asks a host before it opens a volume there. */
export interface HostStorage extends UsageSurvey {
  /** The volume at a path; null if nothing is there. Otherwise rejects as identifyVolume() does. */
  identify(path: string): Promise<VolumeIdentity | null>;
}
