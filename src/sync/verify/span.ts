/** The part of a volume that a verification covers. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { type ExtentList, intersect, extentOf } from '../../region/index.js';

/** In bytes of the volume; not empty, unless the volume is. */
export interface Span {
  readonly startBytes: number;
  readonly stopBytes: number;
}

export interface AskedSpan {
  readonly startBytes: number;
  /** Null: the volume's end. */
  readonly stopBytes: number | null;
}

/**
 * The requested span on a volume of that size. Rejects an empty one with EMPTY_SPAN: comparing nothing
 * must not look like finding no difference.
 */
export function spanOf({ startBytes, stopBytes }: AskedSpan, deviceBytes: number): Span {
  const stop = Math.min(stopBytes ?? deviceBytes, deviceBytes);
  if (startBytes < stop || (deviceBytes === 0 && startBytes === 0)) {
    return { startBytes, stopBytes: stop };
  }
  throw new FastsyncError({
    code: 'EMPTY_SPAN',
    exitCode: exitCodes.usage,
    message: `the range from byte ${startBytes} to byte ${stop} of a volume of ${deviceBytes} bytes is empty`,
    remedy: 'give a --start before --stop and before the end of the volume',
  });
}

/** The parts of the list that lie in the span. */
export function spanned(list: ExtentList, { startBytes, stopBytes }: Span): ExtentList {
  return intersect(list, extentOf(startBytes, stopBytes - startBytes));
}
