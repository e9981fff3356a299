/** What a replication came to, in sentences for people and figures for programs. */

import { exitCodes } from '../../errors.js';
import { formatBytes } from '../../report/units.js';
import type { LiveResult, Recovered } from '../../sync/index.js';
import type { Outcome } from '../run.js';

type Fact = readonly [label: string, value: string];

/**
 * Told to stop, every target whole: done. A target that failed: incomplete. One that never became
 * whole: interrupted, and the same command goes on.
 */
export function describeLive(source: string, results: readonly LiveResult[]): Outcome {
  const [outcome, exitCode] = results.some(({ error }) => error !== null)
    ? (['incomplete', exitCodes.incomplete] as const)
    : results.some(({ consistentAt }) => consistentAt === null)
      ? (['interrupted', exitCodes.interrupted] as const)
      : (['done', exitCodes.done] as const);
  const facts: Fact[] = [
    ['stopped replicating', source],
    ...results.map((result): Fact => [result.target, sentenceOf(result)]),
  ];
  const targets = results.map(({ target, epoch, consistentAt, dirtyBytes, error }) => ({
    path: target,
    epoch,
    consistentAt: isoOf(consistentAt),
    dirtyBytes,
    error: error?.message ?? null,
  }));
  return { outcome, exitCode, facts, figures: { source, targets } };
}

function sentenceOf({ epoch, consistentAt, error }: LiveResult): string {
  const trouble = error === null ? '' : `; ${error.message}`;
  return consistentAt === null
    ? `incomplete, has no signature; run the same command again to resume${trouble}`
    : `consistent at ${isoOf(consistentAt) ?? ''}, epoch ${epoch}${trouble}`;
}

export function describeRecovered(recovered: readonly Recovered[]): Outcome {
  const facts = recovered.map(({ replicaRecord, applied }): Fact => {
    const moment = `consistent at ${isoOf(replicaRecord.consistentAt) ?? 'no point in time yet'}`;
    return [
      replicaRecord.target.path,
      `${applied ? 'completed from its journal' : 'complete'}: ${moment}`,
    ];
  });
  const targets = recovered.map(({ replicaRecord, applied }) => ({
    path: replicaRecord.target.path,
    epoch: replicaRecord.epoch,
    consistentAt: isoOf(replicaRecord.consistentAt),
    applied,
  }));
  return { outcome: 'done', exitCode: exitCodes.done, facts, figures: { targets } };
}

/** For `systemctl status`. */
export function statusLineOf(results: readonly LiveResult[]): string {
  return results
    .map(({ target, state, dirtyBytes, epoch }) => {
      return `${target}: ${state}, epoch ${epoch}, ${formatBytes(dirtyBytes)} dirty`;
    })
    .join('; ');
}

export function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
