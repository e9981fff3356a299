/** The set of byte ranges: operations, and the way from a used-region map. */

export * from '../../fsparsers/extents.js';
export { badExtents, readableExtents, usedExtents } from './frommap.js';
