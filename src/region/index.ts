/** Sets of byte ranges: their operations, and how to get them from a used-region map. */

export * from '../../fsparsers/extents.js';
export { badExtents, readableExtents, usedExtents } from './frommap.js';
