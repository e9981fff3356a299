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
  noteReaderGone(options);
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

/**
 * What is still to be written when the result is known. Where that fails it is told beside the result,
 * which stands; a run that would have been done is incomplete.
 */
export async function withFile(
  outcome: Outcome,
  reporter: Reporter,
  write: () => Promise<void>,
): Promise<Outcome> {
  try {
    await write();
    return outcome;
  } catch (error) {
    const { code, message, remedy = null } = asFastsyncError(error);
    reporter.report({ type: 'error', code, message, remedy });
    const figures = { ...outcome.figures, error: { code, message } };
    if (outcome.exitCode !== exitCodes.done) return { ...outcome, figures };
    return { ...outcome, outcome: 'incomplete', exitCode: exitCodes.incomplete, figures };
  }
}

/** The work goes on when whoever read its output has left: that is said where somebody may still look. */
function noteReaderGone({ json, quiet }: { readonly json: boolean; readonly quiet: boolean }) {
  if (quiet && !json) return;
  process.stdout.once('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') return;
    const message = 'nobody reads the output any more; the run goes on';
    const note = { type: 'note', severity: 'warning', code: 'OUTPUT_LOST', message };
    process.stderr.write(json ? `${JSON.stringify(note)}\n` : `warning: ${message}\n`);
  });
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
