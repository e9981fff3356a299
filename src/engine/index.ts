/** The engine: long jobs over lists of extents, each on a thread of its own. */

import { addon } from './addon.js';
import type { IoOptions } from './types.js';
import { ioOptionsOf } from './validate.js';

export { addon, type Addon } from './addon.js';
export { clear } from './clear.js';
export { compare } from './compare.js';
export { copy } from './copy.js';
export { digestBytes, digestCells, leastCellBytes, mostCellBytes } from './digest-cells.js';
export { cachedDevice, deviceInfo, nextData, readPast } from './device.js';
export { descriptorEndpoint } from './endpoint.js';
export { describeFailure, EngineError } from './error.js';
export { notifySocket } from './notify.js';
export { noProgress } from './progress.js';
export { serveBlocks } from './serve.js';
export { duplicateDescriptor, socketPair } from './streams.js';
export type * from './types.js';

/** XXH3-128 of `bytes`, 16 bytes in canonical order: what `xxhsum -H128` prints. */
export function digest(bytes: Uint8Array): Uint8Array {
  return addon().digest(bytes);
}

/**
 * Throws RangeError, with a sentence, for what no job would take: to be asked before anything is
 * written, because a job that refuses to start comes too late for that.
 */
export function checkIoOptions(ioOptions: IoOptions): void {
  ioOptionsOf(ioOptions);
  if (ioOptions.backend === 'uring' && addon().backend() !== 'uring') {
    throw new RangeError('Expected backend to be auto or threads: this kernel forbids io_uring');
  }
}

/** What this machine gives the engine: the queue that `auto` takes, and the digest's vectors. */
export function engineInfo(): {
  readonly backend: 'uring' | 'threads';
  readonly digest: 'baseline' | 'avx2' | 'avx512';
} {
  return { backend: addon().backend(), digest: addon().digestFlavour() };
}
