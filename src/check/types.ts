/** What the check of one pair comes to. */

import type { PairConfig } from '../config/index.js';
import type { ExitCode, FastsyncError } from '../errors.js';
import type { RunRecord } from '../history/index.js';
import type { NoteEvent } from '../report/index.js';
import type { VerifyReport } from '../sync/index.js';

export interface PairResult {
  readonly pair: PairConfig;
  readonly record: RunRecord & { readonly exitCode: ExitCode };
  /** Null where it came to none: `error` says why. */
  readonly report: VerifyReport | null;
  readonly error: FastsyncError | null;
  /** The runs before this one, oldest first. */
  readonly earlier: readonly RunRecord[];
  /** What is remarkable about the source's map. */
  readonly notes: readonly NoteEvent[];
  /** Why an unfinished run is not well; null if it is, or was finished. */
  readonly staleness: string | null;
}
