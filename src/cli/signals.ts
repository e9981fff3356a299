/** Ctrl-C and its kin: the first asks the run to stop in good order, the second stops at once. */

import { exitCodes } from '../errors.js';
import { isScreen } from '../report/index.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal that is aborted by the first SIGINT, SIGTERM or SIGHUP. */
export function abortOnSignals(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController();
  const onSignal = () => {
    if (!controller.signal.aborted) {
      controller.abort();
      return;
    }
    // Checkpoints only claim what is flushed, so stopping anywhere is safe.
    release();
    // The bar hides the cursor, and has no time to show it again.
    if (isScreen(process.stderr)) process.stderr.write('\u001B[?25h\n');
    process.exit(exitCodes.interrupted);
  };
  const release = () => {
    for (const name of signals) process.removeListener(name, onSignal);
  };
  for (const name of signals) process.on(name, onSignal);
  return { signal: controller.signal, release };
}
