/** The data of a report about a pair: the same for the page and the terminal. */

import type { RunRecord, VolumePicture } from '../history/index.js';

export interface PairReport {
  /** The pair's name in the configuration. */
  readonly pair: string;
  readonly source: string;
  readonly target: string;
  /** Oldest first. */
  readonly records: readonly RunRecord[];
  /** From the last run that could read the volume; null where none could. */
  readonly picture: VolumePicture | null;
  /** ISO 8601: ages are counted from here. */
  readonly madeAt: string;
}
