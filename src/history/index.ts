/** What the checks of a pair found, night by night. */

export { appendRun, readHistory, readPicture } from './history.js';
export {
  mostPictureRanges,
  pictureSchema,
  type PictureRange,
  recordSchema,
  type RunOutcome,
  type RunRecord,
  type UnprovenRange,
  type VolumePicture,
} from './types.js';
