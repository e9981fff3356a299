/** The commands around a freeze that a copy is the state of. */

import { type HookName, type Hooks, runHook } from './hooks.js';

export interface FreezeHooksOptions {
  readonly hooks: Hooks;
  /** Of the source, as the user calls it. */
  readonly path: string;
  /** Hears that the command after the freeze failed: the copy is what it is. */
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

  /** The command that runs just now. */
  get running(): RunningHook | null {
    return this.#running;
  }

  /** How long the commands may take together. */
  get longestMs(): number {
    const { beforeFreeze, afterFreeze, timeoutMs } = this.#options.hooks;
    return [beforeFreeze, afterFreeze].filter((one) => one !== null).length * timeoutMs;
  }

  /** Runs the action between the two. Rejects with HOOK_FAILED, and as the action does. */
  async around<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      await this.#run('before-freeze');
      return await action();
    } finally {
      // Also after a failure, and when stopped: programs that were told to wait must be told to resume.
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

/** What a failed command after the freeze is reported as: whoever waits for it must hear of it. */
export function hookFailure(error: unknown) {
  const message = error instanceof Error ? error.message : String(error);
  return { type: 'note', severity: 'warning', code: 'HOOK_FAILED', message } as const;
}
