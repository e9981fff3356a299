/** The steps of a seed: see next-step.ts for their order. */

import type { CopyResult, EndpointDescription } from '../../engine/index.js';
import { emptyExtents, subtract, union } from '../../region/index.js';
import type { Headers } from './headers.js';
import type { SeedJobs } from './seed-jobs.js';
import type { SeedProgress } from './seed-progress.js';
import type { ConsistencyPoint, Piece, SeedRun } from './seed-run.js';
import { type Layout, probedOtherwise, wipeOldSignatures } from '../stray-signatures.js';

/** What the steps of a seed work with. */
export interface SeedWork {
  readonly run: SeedRun;
  readonly progress: SeedProgress;
  readonly jobs: SeedJobs;
  readonly headers: Headers;
}

function layoutOf({ source, plan, partitions }: SeedRun): Layout {
  return { sourceBytes: source.identity.sizeBytes, free: plan.free, partitions };
}

/** Wipes signatures outside the copied ranges. Resolves with what was there, for each target. */
export async function wipeTargets(run: SeedRun): Promise<string[][]> {
  const wiped: string[][] = [];
  for (const { volume, isNew } of run.targets) {
    wiped.push(isNew ? [] : await wipeOldSignatures(volume, layoutOf(run)));
  }
  return wiped;
}

export async function copyBody({ run, jobs, progress }: SeedWork, startAtBytes: number) {
  const body = { phase: 'copying', extents: run.plan.body };
  const result = await jobs.copy(body, {
    startAtBytes,
    first: true,
    onDurable: async ({ durableBytes, badBytes, failedTargets }) => {
      // Positions in the work list do not hold for a target that failed.
      if (failedTargets > 0 || jobs.someFailed) return;
      await progress.isDurable(durableBytes, badBytes);
    },
  });
  if (result !== null) progress.bodyIsDone(result.badRanges);
}

async function copyPiece({ jobs, progress }: SeedWork, piece: Piece): Promise<CopyResult | null> {
  const { unreadable = emptyExtents, extents } = piece;
  // A compared target may hold the last good copy of an unreadable range, so it is left unchanged.
  const readable = jobs.compares ? subtract(extents, unreadable) : extents;
  const result = await jobs.copy({ ...piece, extents: readable });
  progress.addBad(union(unreadable, result?.badRanges ?? emptyExtents));
  return result;
}

/** Null if the run was stopped meanwhile. */
export async function reachPoint(work: SeedWork): Promise<ConsistencyPoint | null> {
  const { follow, signal } = work.run;
  if (follow === null) return checkUnchanged(work);
  try {
    const point = await follow.reach((piece) => copyPiece(work, piece));
    return work.jobs.cancelled ? null : point;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** Rejects a copy that mixes two moments, unless the user has accepted that. */
async function checkUnchanged({ run, progress }: SeedWork): Promise<ConsistencyPoint> {
  const { source, sourceMayChange } = run;
  const { sourceWriteCounter: before } = progress.state;
  const unchanged = { kind: 'reached', headerFrom: source.endpoint } as const;
  if (sourceMayChange || before === null) return unchanged;
  const { value } = await source.writeCounter();
  if (value === before) return unchanged;
  return {
    kind: 'missed',
    unpublished: {
      code: 'SOURCE_CHANGED',
      message:
        'the source was written during the run; stop the writer and run the same command again',
    },
  };
}

/** Writes the header, and with it the signature. */
export async function publish(work: SeedWork, from: EndpointDescription): Promise<void> {
  const { run, jobs, headers } = work;
  const isFinished = await headers.publish(run.plan.header, (extents) =>
    copyPiece(work, { phase: 'publishing', extents, from }),
  );
  if (!isFinished) return;
  for (const { volume } of jobs.good) run.unfinished?.finish(volume.identity.path);
}

/** How each target probes differently from the source: then something other than a copy would be mounted. */
export async function probeTargets({ run, jobs }: SeedWork): Promise<string[][]> {
  const found: string[][] = run.targets.map(() => []);
  // A mounted file system writes around the device's page cache.
  const source = run.follow === null ? run.source.reader : run.source.directReader;
  for (const { index, volume } of jobs.good) {
    found[index] = await probedOtherwise(volume.reader, source, layoutOf(run));
  }
  return found;
}
