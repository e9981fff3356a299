/** What every command has in common: a reporter, signals, and errors turned into exit codes. */

import { addon } from '../engine/addon.js';
import { exitCodes } from '../errors.js';
import { asFastsyncError } from '../failure.js';
import { chooseReporter } from '../report/choose.js';
import type { Reporter, SummaryEvent } from '../report/events.js';
import { StallWatch } from '../sync/stall-watch.js';
import { UnfinishedTargets } from '../sync/unfinished-targets.js';
import { relay } from './service.js';
import { abortOnSignals, exitWithoutWaiting, type SignalEngine } from './signals.js';
import { supervise, supervisor } from './supervisor.js';
import { parseDuration } from './values.js';

export interface Context {
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** What the run has begun to write: the summary tells what is left of it, however the run ends. */
  readonly unfinished: UnfinishedTargets;
  /** Says which volume does not answer; gives it up where the run has a limit. */
  readonly stalls: StallWatch;
}

export type Outcome = Pick<SummaryEvent, 'outcome' | 'exitCode' | 'facts' | 'figures'>;

export interface RunOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly 'io-timeout'?: string | undefined;
  /** It may have to end in spite of what its threads wait for, and so is a child of this process. */
  readonly supervised?: boolean;
}

/** Runs a command to its summary, whatever happens, and sets the process's exit code. */
export async function runCommand(
  command: string,
  options: RunOptions,
  action: (context: Context) => Promise<Outcome>,
): Promise<void> {
  await runSupervised(options);
  const reporter = await chooseReporter(options);
  const engine = engineForSignals();
  const { signal, release } = abortOnSignals(engine);
  noteReaderGone(options);
  const unfinished = new UnfinishedTargets();
  const stalls = new StallWatch(reporter);
  const startedMs = performance.now();
  let outcome: Outcome;
  try {
    stalls.limit(ioTimeoutOf(options));
    stalls.start();
    outcome = await action({ reporter, signal, unfinished, stalls });
  } catch (error) {
    outcome =
      signal.aborted && isAbort(error, signal)
        ? interrupted(unfinished)
        : reportFailure(error, reporter, unfinished);
  }
  stalls.stop();
  release();
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  reporter.report({ type: 'summary', command, seconds, ...outcome });
  process.exitCode = outcome.exitCode;
  if (stalls.gaveUp !== null) exitWithoutWaiting(outcome.exitCode, engine);
}

/** Null where the engine cannot be loaded: a command that needs it will say so. */
function engineForSignals(): SignalEngine {
  try {
    return addon();
  } catch {
    return null;
  }
}

async function runSupervised(options: RunOptions): Promise<void> {
  if (supervisor !== null || !isSupervised(options)) return;
  const exitCode = await supervise(relay);
  if (exitCode !== null) process.exit(exitCode);
}

/** What is wrong with the option is told later, like all else. */
function isSupervised(options: RunOptions): boolean {
  try {
    return options.supervised ?? ioTimeoutOf(options) !== null;
  } catch {
    return false;
  }
}

function ioTimeoutOf({ 'io-timeout': text }: RunOptions): number | null {
  return text === undefined ? null : parseDuration('io-timeout', text);
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
  const { stdout, stderr } = process;
  const tell = (what: string, to: NodeJS.WriteStream) => (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') return;
    const message = `nothing reads the ${what} any more; the run continues`;
    const note = { type: 'note', severity: 'warning', code: 'OUTPUT_LOST', message };
    to.write(json ? `${JSON.stringify(note)}\n` : `warning: ${message}\n`);
  };
  stderr.once('error', tell('messages', stdout));
  // With --quiet nothing is said there.
  if (json || !quiet) stdout.once('error', tell('output', stderr));
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

type Fact = readonly [label: string, value: string];

function interrupted(unfinished: UnfinishedTargets): Outcome {
  const facts: Fact[] =
    unfinished.left.length === 0
      ? [['interrupted', 'nothing was written']]
      : [['interrupted', 'before the run was complete'], ...leftFacts(unfinished)];
  const figures = leftFigures(unfinished);
  return { outcome: 'interrupted', exitCode: exitCodes.interrupted, facts, figures };
}

function leftFacts({ left }: UnfinishedTargets): Fact[] {
  if (left.length === 0) return [];
  return [
    ...left.map((sentence): Fact => ['left', sentence]),
    ['to resume', 'run the same command again'],
  ];
}

function leftFigures({ paths }: UnfinishedTargets) {
  return paths.length === 0 ? {} : { unfinished: paths };
}

function reportFailure(error: unknown, reporter: Reporter, unfinished: UnfinishedTargets): Outcome {
  const failure = asFastsyncError(error);
  const { code, message, exitCode, remedy } = failure;
  reporter.report({ type: 'error', code, message, remedy: remedy ?? null });
  const figures = { error: { code, message }, ...leftFigures(unfinished) };
  return { outcome: 'failed', exitCode, facts: leftFacts(unfinished), figures };
}
