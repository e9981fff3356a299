/** Seeding: copies every range that the source's file system uses to each target. */

import { totalBytes } from '../../region/index.js';
import { formatBytes, type Reporter } from '../../report/index.js';
import { CheckpointFile, type CheckpointState } from './checkpoint.js';
import { newRunId } from '../target-header/index.js';
import { decideResumption, type Resumption, workListDigest } from './resume.js';
import { Headers } from './headers.js';
import { SeedJobs } from './seed-jobs.js';
import { SeedPass } from './seed-pass.js';
import { SeedProgress } from './seed-progress.js';
import type { SeedResult, SeedRun } from './seed-run.js';
import { unpublishedState } from '../unfinished-targets.js';

/**
 * Copies the plan. Clears the targets' first MiB before anything else, and writes it when everything else
 * is durable. Rejects with EngineError where a disk fails; a checkpoint then records where to resume.
 */
export async function seed(run: SeedRun): Promise<SeedResult> {
  const { source, targets, plan, options, reporter } = run;
  const file = new CheckpointFile(
    options.stateDirectory,
    source.identity.stableId,
    targets.map(({ volume }) => volume.identity.stableId),
  );
  const { value: writeCounter } = await source.writeCounter();
  const checkpoint = options.resume ? await file.load() : null;
  const resumption = await decideResumption({
    checkpoint,
    source,
    targets: targets.map(({ volume }) => volume),
    writeCounter,
    workList: plan.body,
    verify: options.verify,
    mayRetry: run.follow === null,
  });
  announce(resumption, reporter);
  const wasPublished = (checkpoint?.published ?? []).length > 0;
  if (resumption.kind !== 'fresh' && !wasPublished)
    run.unfinished?.beginAll(targets, unpublishedState);

  const earlier = 'checkpoint' in resumption ? resumption.checkpoint : null;
  const state: CheckpointState = {
    // The ID is reused even if the checkpoint is not trusted, so that the next run recognises its
    // target.
    runId: checkpoint?.runId ?? newRunId(),
    source: source.identity.stableId,
    targets: targets.map(({ volume }) => volume.identity.stableId),
    sourceWriteCounter: writeCounter,
    workListDigest: workListDigest(plan.body),
    verified: options.verify,
    free: options.free,
    freeDone: earlier?.freeDone === true && earlier.free === options.free,
    durableBytes: earlier?.durableBytes ?? 0,
    totalBytes: totalBytes(plan.body),
    badRanges: earlier?.badRanges ?? [],
    unlistedBadBytes: 0,
  };
  const progress = new SeedProgress(run, file, state);
  const compares = resumption.kind !== 'continue' && checkpoint !== null;
  const jobs = new SeedJobs(run, compares || options.compare);
  const headers = new Headers(run, jobs, checkpoint?.published ?? []);
  const kind = resumption.kind === 'retry' ? 'retry' : 'seed';
  const result = await new SeedPass(kind, { run, progress, jobs, headers }).run();
  const isOver = !result.interrupted && result.unpublished === null;
  if (isOver && (result.badRanges.length === 0 || run.follow !== null))
    await file.remove().catch(() => undefined);
  return result;
}

function announce(resumption: Resumption, reporter: Reporter): void {
  if (resumption.kind === 'fresh') return;
  const message =
    resumption.kind === 'retry'
      ? `retrying only the unreadable ranges (${formatBytes(totalBytes(Float64Array.from(resumption.checkpoint.badRanges)))}): the rest was copied by ${resumption.checkpoint.updatedAt}`
      : resumption.kind === 'continue'
        ? `resuming where the last run stopped (${resumption.checkpoint.updatedAt})`
        : `an earlier run was interrupted, but ${resumption.reason}: comparing everything and writing what differs`;
  reporter.report({
    type: 'note',
    severity: 'info',
    code: resumption.kind === 'compare' ? 'RESUMED_BY_COMPARING' : 'RESUMED',
    message,
  });
}
