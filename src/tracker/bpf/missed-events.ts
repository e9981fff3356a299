/** What the kernel's counters mean: may a write have been missed? */

import type { NativeTrackerHealth } from './native-tracker.js';

/** A sentence for the first reason there is; null if no write can have been missed. */
export function missedBy(health: NativeTrackerHealth, unmatchedAtStart: number): string | null {
  return reasons.find(({ holds }) => holds(health, unmatchedAtStart))?.sentence ?? null;
}

interface Reason {
  readonly holds: (health: NativeTrackerHealth, unmatchedAtStart: number) => boolean;
  readonly sentence: string;
}

const reasons: readonly Reason[] = [
  {
    // Each tracepoint has three programs. What one skipped, being interrupted, another one saw, unless
    // all were running at that moment on one processor. Where there is one, at the submission of what
    // is marked at its completion anyway, nothing is missed.
    holds: ({ tracepoints }) =>
      tracepoints.some(({ misses, nestingOverflows }) => misses > 0 && nestingOverflows > 0),
    sentence: 'the kernel skipped the tracker at some events',
  },
  {
    holds: ({ unknownRanges }) => unknownRanges > 0,
    sentence: 'a program sent the disk commands of its own, which do not say what they write',
  },
  {
    holds: ({ inFlightTableFull }) => inFlightTableFull > 0,
    sentence: 'more writes were under way at once than the tracker can follow',
  },
  {
    holds: ({ unmatchedCompletions }, unmatchedAtStart) => unmatchedCompletions > unmatchedAtStart,
    sentence: 'a write completed whose beginning the tracker had not seen',
  },
  {
    holds: ({ failures }) => failures > 0,
    sentence: 'the tracker could not mark a write',
  },
];
