/** The engine: long jobs over lists of extents, each on a thread of its own. */

import { addon } from './addon.js';

export { clear } from './clear.js';
export { compare } from './compare.js';
export { copy } from './copy.js';
export { deviceInfo, flushCache, readPast } from './device.js';
export { describeFailure, EngineError } from './error.js';
export type * from './types.js';

/** XXH3-128 of `bytes`, 16 bytes in canonical order: what `xxhsum -H128` prints. */
export function digest(bytes: Uint8Array): Uint8Array {
  return addon().digest(bytes);
}

/** What this machine gives the engine: the queue that `auto` takes, and the digest's vectors. */
export function engineInfo(): {
  readonly backend: 'uring' | 'threads';
  readonly digest: 'baseline' | 'avx2' | 'avx512';
} {
  return { backend: addon().backend(), digest: addon().digestFlavour() };
}
