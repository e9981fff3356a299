/** The result of checking one pair. */

import type { PairConfig } from '../config/index.js';
import type { ExitCode, FastsyncError } from '../errors.js';
import type { RunRecord } from '../history/index.js';
import type { NoteEvent } from '../report/index.js';
import type { VerifyReport } from '../sync/index.js';

export interface PairResult {
  readonly pair: PairConfig;
  readonly record: RunRecord & { readonly exitCode: ExitCode };
  /** Null where there is none: `error` says why. */
  readonly report: VerifyReport | null;
  readonly error: FastsyncError | null;
  /** The runs before this one, oldest first. */
  readonly earlier: readonly RunRecord[];
  /** Notes about the source's map. */
  readonly notes: readonly NoteEvent[];
  /** Why an unfinished run does not count as successful; null if it does, or if it was finished. */
  readonly staleness: string | null;
}
