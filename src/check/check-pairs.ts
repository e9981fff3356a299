/** The nightly check: one pair after the other, each recorded in its history, the log and the metrics. */

import path from 'node:path';
import type { Config, PairConfig } from '../config/index.js';
import { reasonOf } from '../own-file.js';
import { rangeEvents, type StallWatch } from '../sync/index.js';
import type { Reporter } from '../report/index.js';
import { type CheckContext, checkPair } from './check-pair.js';
import { appendLog } from './log.js';
import { writeMetrics } from './metrics.js';
import { paragraphOf } from './paragraph.js';
import type { PairResult } from './types.js';

export interface CheckRun {
  readonly config: Config;
  /** Which of the configuration's pairs, in order. */
  readonly pairs: readonly PairConfig[];
  readonly stateDirectory: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly stalls: StallWatch;
}

/**
 * Checks every pair even if earlier ones fail. Ends early only when interrupted; then there are fewer
 * results than pairs. A log or metrics file that cannot be written is reported and stops nothing.
 */
export async function checkPairs(run: CheckRun): Promise<readonly PairResult[]> {
  const { config, reporter, stateDirectory, signal, stalls } = run;
  const warn = (code: string, message: string) => {
    reporter.report({ type: 'note', severity: 'warning', code, message });
  };
  const results: PairResult[] = [];
  for (const pair of run.pairs) {
    if (signal.aborted) break;
    const ofPair: Reporter = {
      report: (event) => {
        const isOfPair = event.type === 'status' || event.type === 'range';
        reporter.report(isOfPair ? { ...event, pair: pair.name } : event);
      },
    };
    const context: CheckContext = { stateDirectory, reporter: ofPair, signal, stalls, warn };
    const result = await checkPair(pair, context);
    results.push(result);
    tell(result, run, ofPair);
    const written = async (
      what: string,
      file: string | null,
      action: (to: string) => Promise<void>,
    ) => {
      if (file === null) return;
      await action(file).catch((error: unknown) => {
        warn('NOT_WRITTEN', `cannot write the ${what} ${file}: ${reasonOf(error)}`);
      });
    };
    await written('log', config.log, (file) => appendLog(file, result));
    await written('metrics', config.metrics, (file) =>
      writeMetrics(
        file,
        config.pairs.map(({ name }) => name),
        stateDirectory,
      ),
    );
  }
  return results;
}

function tell(result: PairResult, { config, stateDirectory }: CheckRun, reporter: Reporter): void {
  const { record, report, staleness, notes } = result;
  if (report !== null) for (const event of rangeEvents(report)) reporter.report(event);
  const { schema: _, pair, ...figures } = record;
  reporter.report({
    type: 'pair',
    pair,
    text: paragraphOf(result, { configPath: path.resolve(config.path), stateDirectory }),
    figures: {
      ...figures,
      staleness,
      doubts: report?.doubts ?? [],
      notes: notes.map(({ severity, code, message }) => ({ severity, code, message })),
    },
  });
}
