/** The results of a pair's checks over time. */

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
