/** A verification's result as a ddrescue mapfile. */

import { ddrescueResult } from '../../region/formats/index.js';
import { clip, subtract, union } from '../../region/index.js';
import { doubtful, type VerifyReport } from '../../sync/index.js';

/** Equal is finished, different is a bad sector, not proven is not trimmed, the rest was not tried. */
export function resultMap(report: VerifyReport): Iterable<string> {
  const { answers, workList, missing, result, map } = report;
  const different = union(answers.different, missing);
  const notProven = subtract(doubtful(answers), answers.different);
  const examined = clip(workList, 0, result.stoppedAtBytes ?? map.deviceBytes);
  const equal = subtract(examined, union(different, notProven));
  return ddrescueResult({ equal, different, notProven }, map.deviceBytes);
}
