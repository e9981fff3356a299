/** What every command has in common: a reporter, signals, and errors turned into exit codes. */

import { exitCodes } from '../errors.js';
import { asFastsyncError } from '../failure.js';
import { chooseReporter, type Reporter, type SummaryEvent } from '../report/index.js';
import { abortOnSignals } from './signals.js';

export interface Context {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

export type Outcome = Pick<SummaryEvent, 'outcome' | 'exitCode' | 'facts' | 'figures'>;

/** Runs a command to its summary, whatever happens, and sets the process's exit code. */
export async function runCommand(
  command: string,
  options: { readonly json: boolean; readonly quiet: boolean },
  action: (context: Context) => Promise<Outcome>,
): Promise<void> {
  const reporter = chooseReporter(options);
  const { signal, release } = abortOnSignals();
  const startedMs = performance.now();
  let outcome: Outcome;
  try {
    outcome = await action({ reporter, signal });
  } catch (error) {
    outcome =
      signal.aborted && isAbort(error, signal) ? interrupted() : reportFailure(error, reporter);
  }
  release();
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  reporter.report({ type: 'summary', command, seconds, ...outcome });
  process.exitCode = outcome.exitCode;
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

function interrupted(): Outcome {
  const facts = [['interrupted', 'nothing was written']] as const;
  return { outcome: 'interrupted', exitCode: exitCodes.interrupted, facts, figures: {} };
}

function reportFailure(error: unknown, reporter: Reporter): Outcome {
  const failure = asFastsyncError(error);
  const { code, message, exitCode, remedy } = failure;
  reporter.report({ type: 'error', code, message, remedy: remedy ?? null });
  return { outcome: 'failed', exitCode, facts: [], figures: { error: { code, message } } };
}
