/** Repair: copies the ranges that differ, and only those, and compares them with the source again. */

import { copy, type IoOptions, EngineError } from '../../engine/index.js';
import { emptyExtents, type ExtentList, subtract, totalBytes, union } from '../../region/index.js';
import { Meter, type Reporter } from '../../report/index.js';
import type { HostVolume, Volume } from '../../volume/index.js';
import { headerBytes, publishOrder } from '../target-header/index.js';
import { halfRepairedState, type UnfinishedTargets } from '../unfinished-targets.js';
import { type Watch, watchJob } from '../watch-job.js';
import { type Answers, doubtful, merged, without } from './answers.js';
import type { Comparator } from './comparator.js';
import { recheck } from './recheck.js';
import type { WriteDetector } from './write-detector.js';

export interface RepairRun {
  readonly source: HostVolume;
  /** Open for writing, under a lock. */
  readonly target: Volume;
  readonly comparator: Comparator;
  readonly detector: WriteDetector;
  /** The answers of the verification. */
  readonly answers: Answers;
  readonly ioOptions: IoOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Is told while the target is partly repaired. */
  readonly unfinished?: UnfinishedTargets;
}

export interface RepairResult {
  readonly interrupted: boolean;
  /** Ranges that differed before and are equal now, read back from both sides past the cache. */
  readonly repaired: ExtentList;
  /** The verification's answers, with newer ones for the repaired ranges. */
  readonly answers: Answers;
}

/**
 * Copies what differs. Superblocks and partition tables come last, as in a seed, after everything that
 * they describe. If it is interrupted, the next verification finds the rest. Where the target cannot be
 * written or the source cannot be read, it reports that, and all remaining differences stay different.
 */
export async function repair(run: RepairRun): Promise<RepairResult> {
  const { different } = run.answers;
  const { body, area, firstBlock } = publishOrder(different, headerBytes);
  const meter = new Meter();
  let doneBytes = 0;
  for (const stage of [body, area, firstBlock]) {
    if (stage.length === 0 || run.signal.aborted) continue;
    run.unfinished?.begin(run.target.identity.path, halfRepairedState);
    if (!(await copyStage(run, stage, meter, doneBytes))) break;
    doneBytes += totalBytes(stage);
  }
  const now = run.signal.aborted ? null : await compareAgain(run, different);
  // Also if it was stopped while reading back: then nothing is known.
  if (now === null || run.signal.aborted) {
    return { interrupted: true, repaired: emptyExtents, answers: run.answers };
  }
  run.unfinished?.finish(run.target.identity.path);
  return {
    interrupted: false,
    repaired: subtract(different, doubtful(now)),
    answers: merged(without(run.answers, different), now),
  };
}

/** True if everything was copied and flushed. */
async function copyStage(
  { source, target, ioOptions, answers, reporter, signal }: RepairRun,
  extents: ExtentList,
  meter: Meter,
  doneBytes: number,
): Promise<boolean> {
  const request = { ...ioOptions, source: source.endpoint, extents };
  const allBytes = totalBytes(answers.different);
  try {
    const watch: Watch = {
      signal,
      onProgress: ({ completedBytes, badBytes }) => {
        const reading = {
          phase: 'repairing',
          completedBytes: doneBytes + completedBytes,
          totalBytes: allBytes,
          badBytes,
          skippedBytes: 0,
        };
        reporter.report(meter.sample(performance.now(), reading));
      },
    };
    const { cancelled } = await target.lend((endpoint) =>
      watchJob(copy({ ...request, targets: [endpoint] }), watch),
    );
    return !cancelled;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const message = `the repair of ${target.identity.path} ended early: ${error.message}`;
    reporter.report({ type: 'error', code: error.code, message, remedy: null });
    return false;
  }
}

async function compareAgain(run: RepairRun, extents: ExtentList): Promise<Answers> {
  const { comparator, detector, ioOptions, signal } = run;
  // The write counters include our own writes; discard everything before this reading.
  await detector.writtenSince();
  const result = await watchJob(comparator.compare(extents, ioOptions), { signal });
  const written = await detector.writtenSince();
  const answers = await recheck(comparator, detector, { result, written }, { ioOptions, signal });
  if (!result.cancelled) return answers;
  return merged(answers, { ...answers, different: union(answers.different, extents) });
}
