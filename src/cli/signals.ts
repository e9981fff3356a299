/** Ctrl-C and its kin: the first asks the run to stop in good order, the second stops at once. */

import type { Addon } from '../engine/index.js';
import { type ExitCode, exitCodes } from '../errors.js';
import { isScreen } from '../report/screen.js';
import { endingSignals, withoutHangups } from './hangups.js';
import { supervisor } from './supervisor.js';

/** What the engine does about signals; null: nothing of it is loaded, or it cannot be. */
export type SignalEngine = Pick<Addon, 'watchSignals' | 'unwatchSignals' | 'exitNow'> | null;

/** Ends the process, whatever its threads wait for: those of Node and of jobs would be joined. */
export function exitWithoutWaiting(exitCode: ExitCode, engine: SignalEngine): never {
  // Last of all, behind whatever else is done at the end.
  process.once('exit', (code) => {
    const last = Number(process.exitCode ?? code);
    supervisor?.exits(last);
    engine?.exitNow(last);
  });
  process.exit(exitCode);
}

/**
 * A signal that is aborted by the first SIGINT, SIGTERM or SIGHUP. The second ends the process, whatever
 * its threads wait for.
 */
export function abortOnSignals(engine: SignalEngine): {
  readonly signal: AbortSignal;
  readonly release: () => void;
} {
  const controller = new AbortController();
  let heard = 0;
  const onSignal = () => {
    heard++;
    if (!controller.signal.aborted) {
      controller.abort();
      return;
    }
    // Checkpoints only claim what is flushed, so stopping anywhere is safe.
    // The bar hides the cursor, and has no time to show it again.
    if (isScreen(process.stderr)) process.stderr.write('\u001B[?25h\n');
    exitWithoutWaiting(exitCodes.interrupted, engine);
  };
  const release = () => {
    engine?.unwatchSignals();
    for (const name of endingSignals) process.removeListener(name, onSignal);
  };
  for (const name of endingSignals) {
    process.on(name, onSignal);
    // What bin/ answers a signal with before anything is under way.
    for (const listener of process.listeners(name)) {
      if (listener.name === 'beforeTheRun') process.removeListener(name, listener);
    }
  }
  supervisor?.onSignals((count) => {
    while (heard < count) onSignal();
  });
  withoutHangups(() => engine?.watchSignals(exitCodes.interrupted, isScreen(process.stderr)));
  return { signal: controller.signal, release };
}
