/** A job's counters before it has done anything. */

import type { Progress } from './types.js';

export const noProgress: Progress = {
  totalBytes: 0,
  completedBytes: 0,
  durableBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  zeroBytes: 0,
  identicalBytes: 0,
  verifiedBytes: 0,
  badBytes: 0,
  differentBytes: 0,
  failedTargets: 0,
};
