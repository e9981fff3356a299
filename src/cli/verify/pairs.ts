/** `fastverify --config F --all`: the pairs of a configuration, quiet when all is well. */

import type { Options } from 'yargs';
import { checkPairs, mostSerious, type PairResult } from '../../check/index.js';
import { type Config, defaultConfigPath, loadConfig, type PairConfig } from '../../config/index.js';
import { exitCodes } from '../../errors.js';
import type { Reporter } from '../../report/index.js';
import { stateDirectory } from '../../sync/index.js';
import { configuration } from '../configuration.js';
import { pairNamed } from '../pair-named.js';
import { type Context, type Outcome, runCommand } from '../run.js';
import { usage } from '../values.js';
import { type VerifyArguments, verifyOptions } from './options.js';

/** All that a configured pair's check takes from the command line; the rest is the file's. */
const allowed: ReadonlySet<string> = new Set(['config', 'all', 'repair', 'json', 'quiet']);

/** Runs the checks to their summary. */
export async function runPairs(args: VerifyArguments): Promise<void> {
  // Cron mails whatever is printed: without a terminal, only what is not well.
  const quiet = args.quiet || !process.stderr.isTTY;
  const supervised = await mayGiveUp(args);
  return runCommand('verify', { json: args.json, quiet, supervised }, async (context) => {
    refuseStrangers(args);
    checkChoice(args);
    const config = await configuration(args.config ?? defaultConfigPath);
    const pairs = chosen(args, config);
    const reporter = args.json ? context.reporter : onlyOutcomes(context.reporter);
    const results = await checkPairs({
      config,
      pairs: args.repair ? pairs.map((pair) => ({ ...pair, repair: true })) : pairs,
      stateDirectory: stateDirectory(config.stateDir ?? undefined),
      reporter,
      signal: context.signal,
      stalls: context.stalls,
    });
    return outcomeOf(results, pairs, context);
  });
}

/** Whether any pair has a limit on how long its volumes may keep silent; what is wrong is told later. */
async function mayGiveUp({ config }: VerifyArguments): Promise<boolean> {
  const { pairs } = await loadConfig(config ?? defaultConfigPath).catch(() => ({ pairs: [] }));
  return pairs.some(({ ioTimeoutMs }) => ioTimeoutMs !== null);
}

function refuseStrangers(args: VerifyArguments): void {
  const names = Object.keys(verifyOptions) as (keyof typeof verifyOptions)[];
  const stranger = names.find((name) => !allowed.has(name) && args[name] !== defaultOf(name));
  if (stranger === undefined) return;
  throw usage(`--${stranger} cannot be combined with --config, --all or the name of a pair`);
}

function defaultOf(name: keyof typeof verifyOptions): unknown {
  const option: Options = verifyOptions[name];
  return option.default;
}

function checkChoice({ all, pairs: names = [], repair }: VerifyArguments): void {
  if (all && names.length > 0) throw usage('use either --all or the names of pairs');
  if (all && repair)
    throw usage('--repair cannot be combined with --all: name the pairs to repair');
  if (!all && names.length === 0) throw usage('name the pairs to check, or --all');
}

function chosen({ all, pairs: names = [], repair }: VerifyArguments, config: Config) {
  if (all) return config.pairs;
  const pairs = [...new Set(names)].map((name) => pairNamed(config, name));
  const inUse = repair ? pairs.find(({ online }) => online !== null) : undefined;
  if (inUse !== undefined) {
    throw usage(
      `--repair cannot repair the pair ${inUse.name} while its source is in use; use "fastsync init --online --compare"`,
    );
  }
  return pairs;
}

/** The paragraphs have the first ranges in them; a list of all would bury what matters. */
function onlyOutcomes(reporter: Reporter): Reporter {
  return {
    report(event) {
      if (event.type !== 'range') reporter.report(event);
    },
  };
}

function outcomeOf(
  results: readonly PairResult[],
  pairs: readonly PairConfig[],
  { signal }: Context,
): Outcome {
  const codes = results.map(({ record }) => record.exitCode);
  const exitCode = mostSerious(signal.aborted ? [...codes, exitCodes.interrupted] : codes);
  const outcomes = {
    [exitCodes.done]: 'done',
    [exitCodes.different]: 'different',
    [exitCodes.incomplete]: 'incomplete',
    [exitCodes.interrupted]: 'interrupted',
  } as const;
  return {
    outcome: exitCode in outcomes ? outcomes[exitCode as keyof typeof outcomes] : 'failed',
    exitCode,
    facts: [
      ...results.map(({ record }) => [record.pair, textOf(record)] as const),
      ...(results.length < pairs.length
        ? [['not checked', `${pairs.length - results.length} pairs`] as const]
        : []),
    ],
    figures: {
      pairs: results.map(({ record }) => ({
        pair: record.pair,
        outcome: record.outcome,
        exitCode: record.exitCode,
      })),
    },
  };
}

function textOf({ outcome, oldestProof }: PairResult['record']): string {
  return outcome === 'equal' && oldestProof === null ? 'equal so far' : outcome;
}
