/** Failures that do not end a run: a state that cannot be saved, a step after the answers were found. */

import { asFastsyncError } from '../failure.js';
import type { Reporter } from '../report/index.js';

/**
 * Returns a function that saves and never rejects: if saving fails, the state on disk claims less than is
 * true. The first failure is reported with its consequence; the next save tries again.
 */
export function warnOnce(reporter: Reporter, consequence: string) {
  let isReported = false;
  return async (save: () => Promise<void>): Promise<void> => {
    try {
      await save();
    } catch (error) {
      const { code, message } = asFastsyncError(error);
      const text = `${message}; ${consequence}`;
      if (!isReported) reporter.report({ type: 'note', severity: 'warning', code, message: text });
      isReported = true;
    }
  };
}

/** Runs the action. Reports a failure and resolves with `otherwise`; rejects if the signal ended the action. */
export async function orReport<T>(
  action: () => Promise<T>,
  otherwise: T,
  { reporter, signal }: { readonly reporter: Reporter; readonly signal: AbortSignal },
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (signal.aborted) throw error;
    const { code, message, remedy = null } = asFastsyncError(error);
    reporter.report({ type: 'error', code, message, remedy });
    return otherwise;
  }
}
