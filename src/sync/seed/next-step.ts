/** Decides the next step of a seed. Pure, so that the order of steps can be tested without a disk. */

import type { EndpointDescription, ExtentList } from '../../engine/index.js';
import type { ConsistencyPoint, FreePolicy } from './seed-run.js';

export type Step =
  /** Save the first checkpoint, stamp the targets and clear their headers. */
  | { readonly kind: 'invalidate' }
  | { readonly kind: 'wipe signatures' }
  | { readonly kind: 'clear unused'; readonly how: Exclude<FreePolicy, 'skip'> }
  | { readonly kind: 'retry unreadable'; readonly extents: ExtentList }
  | { readonly kind: 'copy body'; readonly startAtBytes: number }
  /** Copy what was written meanwhile, or check that nothing was. */
  | { readonly kind: 'reach point' }
  | { readonly kind: 'publish'; readonly headerFrom: EndpointDescription }
  | { readonly kind: 'drop missing targets' }
  | { readonly kind: 'probe targets' }
  | { readonly kind: 'save checkpoint'; readonly targetsAre: 'unfinished' | 'published' }
  | { readonly kind: 'end' };

export interface SeedFacts {
  /** `retry`: the targets are published and lack only the ranges that could not be read. */
  readonly work: 'seed' | 'retry';
  /** The last step taken; null: none yet. */
  readonly last: Step['kind'] | null;
  readonly cancelled: boolean;
  /** A target has failed, so positions in the work list do not hold for it. */
  readonly someTargetFailed: boolean;
  readonly free: FreePolicy;
  readonly freeDone: boolean;
  readonly unreadable: ExtentList;
  /** The prefix of the body that every target has flushed. */
  readonly durableBytes: number;
  /** A target is smaller than the used ranges of the source need. */
  readonly isTruncated: boolean;
  /** Null before the point was looked for, or where that was cancelled. */
  readonly point: ConsistencyPoint | null;
}

/** Every step that a seed may take, in this order. */
const seedOrder = [
  'invalidate',
  'wipe signatures',
  'clear unused',
  'retry unreadable',
  'copy body',
  'reach point',
  'publish',
  'probe targets',
  'save checkpoint',
] as const satisfies readonly Step['kind'][];

/** The targets keep their signature: data replaces zeroes, so a retry can only improve them. */
const retryOrder = [
  'clear unused',
  'retry unreadable',
  'drop missing targets',
  'probe targets',
  'reach point',
  'save checkpoint',
] as const satisfies readonly Step['kind'][];

/** Returns the first step after the last one that has something to do. */
export function nextStep(facts: SeedFacts): Step {
  const order: readonly StepKind[] = facts.work === 'seed' ? seedOrder : retryOrder;
  const rest = order.slice(order.findIndex((kind) => kind === facts.last) + 1);
  for (const kind of rest) {
    const step = stepOf(kind, facts);
    if (step !== null) return step;
  }
  return { kind: 'end' };
}

type StepKind = (typeof seedOrder | typeof retryOrder)[number];

/** Null: there is nothing to do in this step. */
function stepOf(kind: StepKind, facts: SeedFacts): Step | null {
  // Every run, also a cancelled one, ends with a checkpoint of its progress.
  if (kind === 'save checkpoint') return checkpointOf(facts);
  if (kind === 'drop missing targets') return { kind };
  // A retry may have copied data of another moment; the result always says so.
  if (kind === 'reach point' && facts.work === 'retry') return { kind };
  if (facts.cancelled) return null;
  const { free, freeDone, unreadable, durableBytes, isTruncated, point, work } = facts;
  switch (kind) {
    case 'invalidate':
    case 'wipe signatures':
    case 'reach point':
      return { kind };
    case 'clear unused':
      return free === 'skip' || freeDone ? null : { kind, how: free };
    case 'retry unreadable':
      return unreadable.length === 0 ? null : { kind, extents: unreadable };
    case 'copy body':
      return { kind, startAtBytes: durableBytes };
    case 'publish':
      return point?.kind === 'reached' ? { kind, headerFrom: point.headerFrom } : null;
    case 'probe targets': {
      const isPublished = work === 'retry' || point?.kind === 'reached';
      return isPublished && !isTruncated ? { kind } : null;
    }
  }
}

function checkpointOf(facts: SeedFacts): Step | null {
  const kind = 'save checkpoint';
  const published = facts.someTargetFailed ? null : ({ kind, targetsAre: 'published' } as const);
  if (facts.work === 'retry') return published;
  if (facts.cancelled || facts.point?.kind !== 'reached') return { kind, targetsAre: 'unfinished' };
  return facts.unreadable.length > 0 ? published : null;
}
