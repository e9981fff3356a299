/** What a replica tells of itself while it follows. */

import { FastsyncError } from '../../errors.js';
import { MissedWrites } from '../consistency/errors.js';
import type { RunningHook } from '../consistency/freeze-hooks.js';
import type { HookName } from '../consistency/hooks.js';
import { isLostFreeze } from './errors.js';
import type { Content, Step } from './next-step.js';
import type { Overdue, Waiting } from './overdue.js';

/** What a target is doing; `stopped` and `failed` are its last words. */
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
  /** Milliseconds since 1970: when it came into this state. */
  readonly since: number;
  /** Of the state `hook`: the command that it waits for. */
  readonly hook: HookName | null;
  readonly error: Error | null;
  /** Milliseconds since 1970; null where nothing is wrong. */
  readonly errorSince: number | null;
}

/** What a step is to the user; null: what it was before. */
export function stateOf(step: Step['kind'], content: Content): LiveState | null {
  switch (step) {
    case 'seed':
      return 'seeding';
    case 'compare':
      return 'comparing';
    case 'stage':
      return 'staging';
    case 'apply':
      // The last of a seed is applied like an epoch.
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
  /** The command around a freeze that runs just now. */
  readonly runningHook: () => RunningHook | null;
  /** Whether writes may have been missed since it is known what the target holds. */
  readonly mustCompare: () => boolean;
  /** Called when the state has changed. */
  readonly onState: () => void;
}

/** Follows a replica from step to step, and says what it is doing and what is wrong. */
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
    // With the tracker started anew nothing proves any longer that the target has everything.
    const state = this.#state === 'following' && mustCompare() ? 'comparing' : this.#state;
    const own = { state, since: this.#since, hook: null, error, errorSince } as const;
    if (this.#state === 'hook') return { ...own, hook: 'after-epoch' };
    const waitsForHook = hook !== null && waiting.isAsking;
    return waitsForHook ? { ...own, state: 'hook', since: hook.since, hook: hook.name } : own;
  }

  /** `failure`: what the step before ended with, if it failed. */
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
    // What failed at the very end, or again, is what it ends with; else what it has waited for in vain.
    const isPassing = isLostFreeze(failure) || failure instanceof MissedWrites;
    return failure instanceof FastsyncError && !isPassing ? failure : this.now.error;
  }
}
