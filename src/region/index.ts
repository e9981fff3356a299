/** The set of byte ranges: operations, and the way from a used-region map. */

export * from './extents.js';
export { freeExtents, usedExtents } from './frommap.js';
