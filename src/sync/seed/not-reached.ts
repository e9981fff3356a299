/** Why an online seed comes to no point in time: its targets stay unfinished, and say so. */

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
    'the source was unmounted during the run; the same command without --online compares and finishes',
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
  const found = `it does not converge: after ${readings.length - 1} rounds ${formatBytes(last.dirtyBytes)} are still dirty, and ${formatRate(dirtyRate)} are being written`;
  if (last.dirtyBytes > bufferBytes) {
    const room = formatBytes(Math.max(0, bufferBytes));
    return notConverged(`${found}; the last of it must fit into memory, where ${room} are free`);
  }
  const freezeMs = Math.ceil(expectedFreezeMs(last));
  return notConverged(
    `${found}; at ${formatRate(last.bytesPerSecond)} the freeze would take ${freezeMs} ms: allow more with --max-freeze, or run it when less is written`,
  );
}

export function noCutover({ dirtyBytes }: RoundReading): Unpublished {
  return {
    code: 'NO_CUTOVER',
    message: `${formatBytes(dirtyBytes)} are left to copy, and no cutover was wanted; the same command without --no-cutover compares and finishes`,
  };
}
