/** The three answers about the ranges of a volume, and operations on them. */

import { emptyExtents, type ExtentList, subtract, totalBytes, union } from '../../region/index.js';

/** Why a range is neither equal nor different. */
export type Cause =
  | 'unreadable' // one side or the other cannot be read
  | 'changing' // it was written between all readings
  | 'unstable'; // two readings disagree though nobody wrote: memory, cable or disk

export const causes: readonly Cause[] = ['unreadable', 'changing', 'unstable'];

/** The answers about a list of ranges; ranges in none of these lists are equal. */
export interface Answers {
  readonly different: ExtentList;
  readonly notProven: Readonly<Record<Cause, ExtentList>>;
}

export const allEqual: Answers = {
  different: emptyExtents,
  notProven: { unreadable: emptyExtents, changing: emptyExtents, unstable: emptyExtents },
};

/** All ranges that are not equal. */
export function doubtful({ different, notProven }: Answers): ExtentList {
  return causes.reduce((list, cause) => union(list, notProven[cause]), different);
}

/** Combines the answers about two sets of ranges that do not overlap. */
export function merged(a: Answers, b: Answers): Answers {
  return {
    different: union(a.different, b.different),
    notProven: each((cause) => union(a.notProven[cause], b.notProven[cause])),
  };
}

/** The answers without those about `renewed`, which newer ones replace. */
export function without(answers: Answers, renewed: ExtentList): Answers {
  return {
    different: subtract(answers.different, renewed),
    notProven: each((cause) => subtract(answers.notProven[cause], renewed)),
  };
}

/** Bytes of all ranges without a proof. */
export function unprovenBytes({ notProven }: Answers): number {
  return totalBytes(causes.map((cause) => notProven[cause]).reduce(union));
}

function each(listOf: (cause: Cause) => ExtentList): Record<Cause, ExtentList> {
  return Object.fromEntries(causes.map((cause) => [cause, listOf(cause)])) as Record<
    Cause,
    ExtentList
  >;
}
