/** The engine: long jobs over lists of extents, each on a thread of its own. */

import { addon } from './addon.js';

export { copy } from './copy.js';
export { EngineError } from './error.js';
export type * from './types.js';

/** XXH3-128 of `bytes`, 16 bytes in canonical order: what `xxhsum -H128` prints. */
export function digest(bytes: Uint8Array): Uint8Array {
  return addon().digest(bytes);
}
