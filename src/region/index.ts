/** The set of byte ranges: operations, the way from a used-region map, and formats for other tools. */

export * from './extents.js';
export * from './formats/index.js';
export { badExtents, freeExtents, readableExtents, usedExtents } from './frommap.js';
