/** Transaction numbers are 32 bits and wrap: tid_gt() and friends of include/linux/jbd2.h. */

/** Whether transaction `a` came after `b`. */
export function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

export function following(sequence: number): number {
  return (sequence + 1) >>> 0;
}

/** How many transactions lie from `first` to before `end`. */
export function distance(first: number, end: number): number {
  return (end - first) >>> 0;
}
