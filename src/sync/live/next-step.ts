/** Decides the next step of a replica. Pure: facts in, step out. */

/** What the target holds of its source, as far as this run knows. */
export type Content =
  /** Nothing usable: it is new, torn or foreign. */
  | 'nothing'
  /** A replica that may differ, because writes may have gone unseen. */
  | 'unproven'
  /** The state of its last epoch. */
  | 'replica';

/** Why the previous step failed. */
export type Failure =
  /** The tracker was restarted: the ranges collected by the old one prove nothing. */
  | 'missed writes'
  /** Retrying does not help. */
  | 'fatal'
  /** Writers have waited as long as they may, without success. */
  | 'vain freeze'
  | 'passing';

export interface Facts {
  /** The run was told to stop. */
  readonly isStopped: boolean;
  readonly failure: Failure | null;
  /** The shortest pause after the next failure. */
  readonly backoffMs: number;
  /** `replaced`: another volume is now in the place of the opened one. */
  readonly target: 'closed' | 'open' | 'replaced';
  /** `unread`: an earlier run may have committed an epoch. */
  readonly journal: 'unread' | 'empty' | 'committed';
  readonly content: Content;
  /** `new`: the tracker was started after the content was determined. */
  readonly tracker: 'same' | 'new';
  /** The command to run when an epoch has been applied. */
  readonly hook: 'none' | 'due';
  /** There is a pause between two epochs. */
  readonly pause: 'over' | 'due';
  /** The length of the pause, or the time until the next look. */
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
/** Writers that waited in vain are left alone for at least this long. */
const leastFreezeBackoffMs = 60_000;
const mostFreezeBackoffMs = 3_600_000;

export function nextStep(facts: Facts): Step {
  const { isStopped, failure, target, journal, content, tracker, hook, pause, pauseMs } = facts;
  if (failure !== null) return isStopped ? { kind: 'stop' } : afterFailure(failure, facts);
  // Also when stopped: a committed epoch is applied first.
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
