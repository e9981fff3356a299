/** What the rest of fastsync may ask of the native engine. */

import type { ExtentList } from '../region/index.js';

/** The engine takes any list of extents as a work list: in the order in which to work. */
export type { ExtentList };

/**
 * A file or block device that this process has open. The engine duplicates the descriptor when the job
 * starts, and reopens the file for direct I/O where that works.
 */
export interface DescriptorEndpoint {
  readonly kind: 'descriptor';
  readonly fd: number;
}

/** Both ends of a stream to another host, and what its frames are checked with. */
export interface PeerLink {
  readonly inputFd: number;
  readonly outputFd: number;
  /** Of the frames' checksums. */
  readonly seed: bigint;
  /** A peer that sends nothing for so long is dead. */
  readonly silenceMs: number;
}

/** An agent of another host that waits for blocks: docs/protocol.md. The descriptors are duplicated. */
export interface PeerEndpoint extends PeerLink {
  readonly kind: 'peer';
  /** What messages call the volume. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Of the volume over there: a power of two. */
  readonly granularityBytes: number;
  /** Hears why the link is of no more use, before the job that used it ends. */
  readonly onLinkFailure: (failure: IoFailure) => void;
}

/** One side of a job. */
export type EndpointDescription = DescriptorEndpoint | PeerEndpoint;

export type Backend = 'auto' | 'uring' | 'threads';

/** How a job does its I/O. The defaults suit copying from one disk to another. */
export interface IoOptions {
  /** `auto` takes io_uring where the kernel allows it. The result is the same either way. */
  readonly backend?: Backend;
  /** Largest single request. */
  readonly chunkBytes?: number;
  /** Most requests under way at once. */
  readonly queueDepth?: number;
  /** Most bytes of buffers under way at once. */
  readonly inFlightBytes?: number;
  /** Bytes read per second at most; 0 or absent: no limit. */
  readonly bytesPerSecond?: number;
}

export interface CopyRequest extends IoOptions {
  readonly source: EndpointDescription;
  /** The source is read once for all targets. */
  readonly targets: readonly EndpointDescription[];
  readonly extents: ExtentList;
  /** Bytes of the work list that are done already (from a checkpoint). */
  readonly startAtBytes?: number;
  /** Read the targets first and write only what differs. */
  readonly compare?: boolean;
  /** Read back what was written, past the cache, before it counts as durable. */
  readonly verify?: boolean;
  /** Continue past unreadable sectors: retry in smaller pieces, leave zeroes, list them. */
  readonly rescue?: boolean;
  /** The targets' unwritten parts are known to read as zeroes (a new sparse file): skip zero chunks. */
  readonly targetsAreZero?: boolean;
  /** The targets are flushed, and `durableBytes` moves on, at least this often. */
  readonly flushEveryMs?: number;
}

export interface CompareRequest extends IoOptions {
  readonly left: EndpointDescription;
  readonly right: EndpointDescription;
  readonly extents: ExtentList;
  readonly startAtBytes?: number;
  /** Differences are reported in multiples of this. Default 4096. */
  readonly granularityBytes?: number;
}

export interface ClearRequest extends IoOptions {
  readonly target: EndpointDescription;
  readonly extents: ExtentList;
  /** `discard`: tell the device (or punch a hole); `zero`: the range reads as zeroes afterwards. */
  readonly mode: 'discard' | 'zero';
}

/** What a cell of a volume may be digested with; the bytes are in the order that xxhsum and sha256sum print. */
export type DigestAlgorithm = 'xxh3-128' | 'xxh64' | 'sha256';

export interface DigestRequest extends IoOptions {
  readonly source: EndpointDescription;
  /** In ascending order. */
  readonly extents: ExtentList;
  readonly algorithm: DigestAlgorithm;
  /** The grid: a power of two from 512 bytes to 16 MiB. */
  readonly cellBytes: number;
}

/** The other end of a {@link PeerEndpoint}: does to the volume what the blocks of the link ask for. */
export interface ServeRequest extends IoOptions {
  readonly volume: DescriptorEndpoint;
  readonly sizeBytes: number;
  readonly link: PeerLink;
}

/** A snapshot of a running job's counters. All count up, never down. */
export interface Progress {
  /** Bytes of the work list, from its beginning. */
  readonly totalBytes: number;
  /** Bytes whose last I/O has completed (not issued), `startAtBytes` included. */
  readonly completedBytes: number;
  /** Prefix of the work list that is written and flushed (and verified, if asked). */
  readonly durableBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Bytes of chunks that were all zero and became holes or write-zeroes. */
  readonly zeroBytes: number;
  /** Bytes that compared equal and were not written. */
  readonly identicalBytes: number;
  readonly verifiedBytes: number;
  /** Sectors' worth of bytes given up as unreadable. */
  readonly badBytes: number;
  /** Bytes that compared different. */
  readonly differentBytes: number;
  /** Targets of a copy that were given up. `durableBytes` then speaks of the others only. */
  readonly failedTargets: number;
}

/** The system call that failed, as it came back from the kernel. */
export interface IoFailure {
  readonly errno: number;
  readonly syscall: string;
  /** `source`, or the target's index in `targets`. */
  readonly side: 'source' | number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface JobResult {
  readonly progress: Progress;
  readonly backend: 'uring' | 'threads';
  /** True if cancel() ended it. What was completed before was flushed. */
  readonly cancelled: boolean;
}

export interface CopyResult extends JobResult {
  /** Unreadable ranges, sorted and merged (only with `rescue`). */
  readonly badRanges: ExtentList;
  /** Per target: null, or why it was given up. A job rejects only when no target is left. */
  readonly targetFailures: readonly (IoFailure | null)[];
}

export interface CompareResult extends JobResult {
  readonly differentRanges: ExtentList;
  /** Ranges that could not be read on one side or the other: neither equal nor different. */
  readonly unreadableRanges: ExtentList;
}

export type ClearResult = JobResult;

export interface DigestResult extends JobResult {
  /**
   * Index of every cell that the extents touch and that could be read, ascending. The cell `i` covers
   * the bytes from `i * cellBytes`.
   */
  readonly cells: Float64Array;
  /** For each of `cells` the digest over the extents' bytes in it, in ascending order. */
  readonly digests: Uint8Array;
  /** Sorted and merged. Their cells have no digest. */
  readonly unreadableRanges: ExtentList;
}

/** A long piece of work on its own thread. */
export interface Job<Result extends JobResult> {
  progress(): Progress;
  /** Asks the job to stop; `done` resolves soon after with `cancelled`. */
  cancel(): void;
  readonly done: Promise<Result>;
}

/** What the kernel says about an open file or block device. */
export interface DeviceInfo {
  readonly isBlockDevice: boolean;
  readonly sizeBytes: number;
  /** The smallest write; 1 for a file. */
  readonly logicalBlockBytes: number;
  /** The smallest write that needs no read before it; 1 for a file. */
  readonly physicalBlockBytes: number;
  readonly readOnly: boolean;
  readonly rotational: boolean;
}
