/** What a replica does next. Pure: facts in, step out. */

/** What the target holds of its source, as far as this run knows. */
export type Content =
  /** Nothing that counts: it is new, torn or foreign. */
  | 'nothing'
  /** A replica that may differ: writes may have been made that nobody saw. */
  | 'unproven'
  /** The state of its last epoch. */
  | 'replica';

/** What ended the step before. */
export type Failure =
  /** The tracker was started anew: what was collected under the old one proves nothing. */
  | 'missed writes'
  /** Trying again does not help. */
  | 'fatal'
  /** Writers have waited for as long as they may, and nothing came of it. */
  | 'vain freeze'
  | 'passing';

export interface Facts {
  /** The run was told to stop. */
  readonly isStopped: boolean;
  readonly failure: Failure | null;
  /** How long to leave it alone after the next failure, at the least. */
  readonly backoffMs: number;
  /** `replaced`: what was opened is no longer what is in its place. */
  readonly target: 'closed' | 'open' | 'replaced';
  /** `unread`: an earlier session may have committed an epoch. */
  readonly journal: 'unread' | 'empty' | 'committed';
  readonly content: Content;
  /** `new`: it was started after what is known of the content. */
  readonly tracker: 'same' | 'new';
  /** The command for an epoch that is on the target. */
  readonly hook: 'none' | 'due';
  /** After an epoch there is a pause before the next one. */
  readonly pause: 'over' | 'due';
  /** How long the pause, or the time to the next look, is. */
  readonly pauseMs: number;
  /** Whether there is a reason for an epoch. */
  readonly writes: 'none' | 'pending';
}

export type Step =
  | { readonly kind: 'stop' }
  | { readonly kind: 'give up' }
  | { readonly kind: 'start over' }
  | { readonly kind: 'back off'; readonly ms: number }
  | { readonly kind: 'open' }
  | { readonly kind: 'refuse target' }
  | { readonly kind: 'read journal' }
  | { readonly kind: 'apply' }
  | { readonly kind: 'run hook' }
  | { readonly kind: 'seed' }
  | { readonly kind: 'compare' }
  | { readonly kind: 'stage' }
  | { readonly kind: 'wait'; readonly ms: number };

export const leastBackoffMs = 1000;
const mostBackoffMs = 60_000;
/** Where writers have waited in vain they are left alone: not soon again. */
const leastFreezeBackoffMs = 60_000;
const mostFreezeBackoffMs = 3_600_000;

export function nextStep(facts: Facts): Step {
  const { isStopped, failure, target, journal, content, tracker, hook, pause, pauseMs } = facts;
  if (failure !== null) return isStopped ? { kind: 'stop' } : afterFailure(failure, facts);
  // Also when stopped: what is committed is brought onto the target first.
  if (target === 'closed') return { kind: 'open' };
  if (journal === 'unread') return { kind: 'read journal' };
  if (journal === 'committed') return { kind: 'apply' };
  if (hook === 'due') return { kind: 'run hook' };
  if (isStopped) return { kind: 'stop' };
  if (target === 'replaced') return { kind: 'refuse target' };
  if (content === 'nothing') return { kind: 'seed' };
  if (content === 'unproven' || tracker === 'new') return { kind: 'compare' };
  if (pause === 'over' && facts.writes === 'pending') return { kind: 'stage' };
  return { kind: 'wait', ms: pauseMs };
}

function afterFailure(failure: Failure, { backoffMs }: Facts): Step {
  switch (failure) {
    case 'missed writes':
      return { kind: 'start over' };
    case 'fatal':
      return { kind: 'give up' };
    case 'vain freeze':
      return { kind: 'back off', ms: within(backoffMs, leastFreezeBackoffMs, mostFreezeBackoffMs) };
    case 'passing':
      return { kind: 'back off', ms: within(backoffMs, leastBackoffMs, mostBackoffMs) };
  }
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
