/** The state of a replica as users see it. */

import { FastsyncError } from '../../errors.js';
import { MissedWrites } from '../consistency/errors.js';
import type { RunningHook } from '../consistency/freeze-hooks.js';
import type { HookName } from '../consistency/hooks.js';
import { isLostFreeze } from './errors.js';
import type { Content, Step } from './next-step.js';
import type { Overdue, Waiting } from './overdue.js';

/** The activity of a target. `stopped` and `failed` are final. */
export const liveStates = [
  'seeding',
  'comparing',
  'following',
  'staging',
  'applying',
  'hook',
  'failed',
  'stopped',
] as const;
export type LiveState = (typeof liveStates)[number];

export interface ReplicaState {
  readonly state: LiveState;
  /** Milliseconds since 1970: when it entered this state. */
  readonly since: number;
  /** In the state `hook`: the command that it waits for. */
  readonly hook: HookName | null;
  readonly error: Error | null;
  /** Milliseconds since 1970; null where nothing is wrong. */
  readonly errorSince: number | null;
}

/** The state that a step means for the user; null: the state does not change. */
export function stateOf(step: Step['kind'], content: Content): LiveState | null {
  switch (step) {
    case 'seed':
      return 'seeding';
    case 'compare':
      return 'comparing';
    case 'stage':
      return 'staging';
    case 'apply':
      // The end of a seed is applied like an epoch.
      return content === 'nothing' ? 'seeding' : 'applying';
    case 'run hook':
      return 'hook';
    case 'wait':
      return 'following';
    case 'back off':
    case 'give up':
      return 'failed';
    case 'stop':
      return 'stopped';
    case 'open':
    case 'refuse target':
    case 'read journal':
    case 'start over':
      return null;
  }
}

export interface ReplicaStatusOptions {
  readonly waiting: Waiting;
  /** A volume that does not answer. */
  readonly stall: () => Overdue | null;
  /** The command around a freeze that is running now. */
  readonly runningHook: () => RunningHook | null;
  /** Whether writes may have been missed since the target's content was determined. */
  readonly mustCompare: () => boolean;
  /** Called when the state has changed. */
  readonly onState: () => void;
}

/** Follows a replica from step to step; knows its state and its error. */
export class ReplicaStatus {
  readonly #options: ReplicaStatusOptions;
  #state: LiveState;
  #since = Date.now();
  #error: Error | null = null;

  constructor(state: LiveState, options: ReplicaStatusOptions) {
    this.#state = state;
    this.#options = options;
  }

  get now(): ReplicaState {
    const { waiting, stall, runningHook, mustCompare } = this.#options;
    const overdue = waiting.overdue ?? stall();
    const hook = runningHook();
    const error = this.#error ?? overdue?.error ?? null;
    const errorSince = error === null ? null : (overdue?.since ?? this.#since);
    // After the tracker was restarted, nothing proves that the target has everything.
    const state = this.#state === 'following' && mustCompare() ? 'comparing' : this.#state;
    const own = { state, since: this.#since, hook: null, error, errorSince } as const;
    if (this.#state === 'hook') return { ...own, hook: 'after-epoch' };
    const waitsForHook = hook !== null && waiting.isAsking;
    return waitsForHook ? { ...own, state: 'hook', since: hook.since, hook: hook.name } : own;
  }

  /** `failure`: the error of the previous step, if it failed. */
  enter(step: Step['kind'], content: Content, failure: unknown): void {
    const state = stateOf(step, content);
    if (state === null) return;
    const error = this.#errorOf(state, failure);
    const isNew = state !== this.#state;
    if (isNew) this.#since = Date.now();
    this.#state = state;
    this.#error = error;
    if (isNew) this.#options.onState();
  }

  #errorOf(state: LiveState, failure: unknown): Error | null {
    if (state === 'failed') return failure as Error;
    if (state !== 'stopped') return null;
    // A final error is kept; otherwise the error is what it last waited for in vain.
    const isPassing = isLostFreeze(failure) || failure instanceof MissedWrites;
    return failure instanceof FastsyncError && !isPassing ? failure : this.now.error;
  }
}
