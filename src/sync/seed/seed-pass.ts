/** One pass over a seed's plan: runs step after step, and survives being killed after any of them. */

import { nextStep, type SeedFacts, type Step } from './next-step.js';
import type { ConsistencyPoint, SeedResult } from './seed-run.js';
import {
  copyBody,
  probeTargets,
  publish,
  reachPoint,
  type SeedWork,
  wipeTargets,
} from './steps.js';
import { unpublishedState } from '../unfinished-targets.js';

/** What the steps have found so far. */
interface Found {
  readonly point: ConsistencyPoint | null;
  readonly wiped: readonly (readonly string[])[];
  readonly probedOtherwise: readonly (readonly string[])[];
}

export class SeedPass {
  readonly #work: SeedWork;
  readonly #kind: SeedFacts['work'];
  #found: Found;

  constructor(kind: SeedFacts['work'], work: SeedWork) {
    this.#kind = kind;
    this.#work = work;
    const none = work.run.targets.map(() => []);
    this.#found = { point: null, wiped: none, probedOtherwise: none };
  }

  async run(): Promise<SeedResult> {
    const { progress, run } = this.#work;
    const resumedBytes = progress.state.durableBytes;
    // If it was stopped before the first write, the target is untouched, unless it was created or
    // resized.
    const isTouched = run.targets.some(({ isNew, isResized }) => isNew || isResized);
    if (this.#kind === 'retry' || !isTouched) run.signal.throwIfAborted();
    try {
      let step = this.#next(null);
      while (step.kind !== 'end') {
        await this.#take(step);
        step = this.#next(step.kind);
      }
    } catch (error) {
      // The targets stay published; whatever failed, the next run must know their present state.
      if (this.#kind === 'retry' && !this.#work.jobs.someFailed) await progress.savePublished();
      throw error;
    }
    return this.#result(resumedBytes);
  }

  #next(last: Step['kind'] | null): Step {
    const { run, progress, jobs } = this.#work;
    return nextStep({
      work: this.#kind,
      last,
      cancelled: jobs.cancelled,
      someTargetFailed: jobs.someFailed,
      free: run.options.free,
      freeDone: progress.state.freeDone,
      unreadable: progress.badRanges,
      durableBytes: progress.state.durableBytes,
      isTruncated: run.plan.truncatedBytes > 0,
      point: this.#found.point,
    });
  }

  async #take(step: Exclude<Step, { kind: 'end' }>): Promise<void> {
    const work = this.#work;
    const { progress, jobs, headers, run } = work;
    switch (step.kind) {
      case 'invalidate':
        await headers.keep();
        run.unfinished?.beginAll(run.targets, unpublishedState);
        // The first checkpoint is saved before the first write: from here on the targets are
        // unfinished.
        await progress.begin();
        return headers.invalidate(progress.state.runId);
      case 'wipe signatures':
        this.#found = { ...this.#found, wiped: await wipeTargets(run) };
        return;
      case 'clear unused':
        await jobs.clearFree(step.how);
        if (!jobs.cancelled) await progress.freeIsDone();
        return;
      case 'retry unreadable': {
        const result = await jobs.copy({ phase: 'retrying', extents: step.extents });
        if (result?.cancelled === false) progress.replaceBad(result.badRanges);
        return;
      }
      case 'copy body':
        return copyBody(work, step.startAtBytes);
      case 'reach point': {
        const point = await reachPoint(work);
        if (point === null) jobs.cancel();
        this.#found = { ...this.#found, point };
        return;
      }
      case 'publish':
        return publish(work, step.headerFrom);
      case 'drop missing targets':
        return jobs.giveUpMissing();
      case 'probe targets':
        this.#found = { ...this.#found, probedOtherwise: await probeTargets(work) };
        return;
      case 'save checkpoint':
        return step.targetsAre === 'published' ? progress.savePublished() : progress.save();
    }
  }

  #result(resumedBytes: number): SeedResult {
    const { progress, jobs } = this.#work;
    const { point, wiped, probedOtherwise } = this.#found;
    return {
      ...jobs.result,
      unpublished: point?.kind === 'missed' ? point.unpublished : null,
      resumedBytes,
      badRanges: progress.badRanges,
      wiped,
      probedOtherwise,
    };
  }
}
