/** A state that cannot be written costs the next run, not this one; and what was found is told, whatever fails afterwards. */

import { asFastsyncError } from '../failure.js';
import type { Reporter } from '../report/index.js';

/**
 * Runs one save after the other, and goes on where one fails: what lies there claims less than is true.
 * That is told once, with what it costs, and the next save tries again.
 */
export function forgiving(reporter: Reporter, cost: string) {
  let isTold = false;
  return async (save: () => Promise<void>): Promise<void> => {
    try {
      await save();
    } catch (error) {
      const { code, message } = asFastsyncError(error);
      const text = `${message}; ${cost}`;
      if (!isTold) reporter.report({ type: 'note', severity: 'warning', code, message: text });
      isTold = true;
    }
  };
}

/** Resolves with `otherwise` where the action fails, and says why. What the signal ended is not told. */
export async function afterwards<T>(
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
