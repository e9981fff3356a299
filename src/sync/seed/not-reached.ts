/** Explains why an online seed reached no point in time and left its targets unfinished. */

import { formatBytes, formatRate } from '../../report/index.js';
import {
  expectedFreezeMs,
  likelyReading,
  type RoundReading,
} from '../consistency/freeze-budget.js';
import type { ConsistencyPoint, Unpublished } from './seed-run.js';

type Missed = Extract<ConsistencyPoint, { readonly kind: 'missed' }>;

export const unmounted: Unpublished = {
  code: 'SOURCE_CHANGED',
  message:
    'the source was unmounted during the run; run the same command without --online: it compares and finishes',
};

export function missed(unpublished: Unpublished): Missed {
  return { kind: 'missed', unpublished };
}

export function notConverged(message: string): Unpublished {
  return { code: 'NOT_CONVERGED', message };
}

export function givenUp(
  readings: readonly RoundReading[],
  dirtyRate: number,
  bufferBytes: number,
): Unpublished {
  const last = likelyReading(readings) ?? { dirtyBytes: 0, bytesPerSecond: 0 };
  const found = `the copy does not converge: after ${readings.length - 1} rounds ${formatBytes(last.dirtyBytes)} are still dirty, while ${formatRate(dirtyRate)} are being written`;
  if (last.dirtyBytes > bufferBytes) {
    const room = formatBytes(Math.max(0, bufferBytes));
    return notConverged(`${found}; the rest must fit into memory, where ${room} are free`);
  }
  const freezeMs = Math.ceil(expectedFreezeMs(last));
  return notConverged(
    `${found}; at ${formatRate(last.bytesPerSecond)} the freeze would take ${freezeMs} ms: allow more time with --max-freeze, or try again when less is being written`,
  );
}

export function noCutover({ dirtyBytes }: RoundReading): Unpublished {
  return {
    code: 'NO_CUTOVER',
    message: `${formatBytes(dirtyBytes)} are left to copy, because --no-cutover was given; run the same command without it: it compares and finishes`,
  };
}
