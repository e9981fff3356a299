/** The only module that knows how an unfinished target is made unmountable, and how it becomes complete. */

export { invalidate } from './invalidate.js';
export {
  type HeaderTarget,
  publishEpoch,
  publishHeader,
  publishOrder,
  type PublishOrder,
} from './publish.js';
export {
  isBetween,
  readHeader,
  readSignatureArea,
  sectorDigests,
  type SignatureAreaChange,
  signatureAreaDigest,
} from './signature-area.js';
export {
  firstBlockBytes,
  headerBytes,
  signatureAreaBytes,
  signatureAreaOf,
  stampBytes,
  stampSectorBytes,
} from './sizes.js';
export { hasStamp, isStamped, newRunId, stampOn, stampSector } from './stamp.js';
export { isUnfinished, targetState, type TargetState } from './state.js';
