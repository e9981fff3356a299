/** Runs the user's commands before and after a freeze. */

import { type HookName, type Hooks, runHook } from './hooks.js';

export interface FreezeHooksOptions {
  readonly hooks: Hooks;
  /** The path of the source as the user gave it. */
  readonly path: string;
  /** Called when the command after the freeze fails; the copy stays valid. */
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
}

export interface RunningHook {
  readonly name: HookName;
  /** Milliseconds since 1970. */
  readonly since: number;
}

export class FreezeHooks {
  readonly #options: FreezeHooksOptions;
  #running: RunningHook | null = null;

  constructor(options: FreezeHooksOptions) {
    this.#options = options;
  }

  /** The command that is running now. */
  get running(): RunningHook | null {
    return this.#running;
  }

  /** The time limits of both commands together. */
  get longestMs(): number {
    const { beforeFreeze, afterFreeze, timeoutMs } = this.#options.hooks;
    return [beforeFreeze, afterFreeze].filter((one) => one !== null).length * timeoutMs;
  }

  /** Runs the action between the two commands. Rejects with HOOK_FAILED, and as the action does. */
  async around<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      await this.#run('before-freeze');
      return await action();
    } finally {
      // Also after a failure and when the run is stopped: paused programs must be resumed.
      await this.#run('after-freeze').catch(this.#options.onFailure);
    }
  }

  async #run(name: HookName): Promise<void> {
    const { hooks, path, signal } = this.#options;
    this.#running = { name, since: Date.now() };
    try {
      await runHook(name, hooks, { FASTSYNC_SOURCE: path }, signal);
    } finally {
      this.#running = null;
    }
  }
}

/** How a failed command after the freeze is reported: the programs that it should resume may still wait. */
export function hookFailure(error: unknown) {
  const message = error instanceof Error ? error.message : String(error);
  return { type: 'note', severity: 'warning', code: 'HOOK_FAILED', message } as const;
}
