/** A volume checked over several nights counts as equal as long as none of its proofs is too old. */

import { verdictOf, causes, type VerifyReport } from '../sync/index.js';
import type { RunRecord } from '../history/index.js';
import { formatAge } from '../report/index.js';

/** Whether the time limit was reached, and everything compared so far, including earlier suspects, is equal. */
export function isUnfinished(report: VerifyReport): boolean {
  const { result, answers, doubts } = report;
  return (
    verdictOf(report) === 'not proven' &&
    result.stoppedAtBytes !== null &&
    result.stoppedAtBytes >= result.reachedBytes &&
    doubts.length === 0 &&
    causes.every((cause) => answers.notProven[cause].length === 0)
  );
}

/**
 * Why an unfinished run does not count as successful; null if it does. While a part was never proven, the
 * time since the first such run counts, so the first pass gets as much time as later ones.
 */
export function stalenessOf(
  { oldestProof, startedAt }: VerifyReport,
  earlier: readonly RunRecord[],
  maxAgeMs: number,
  nowMs: number,
): string | null {
  const age = (ms: number) => formatAge(ms / 1000);
  if (oldestProof !== null) {
    const ageMs = nowMs - oldestProof;
    if (ageMs <= maxAgeMs) return null;
    return `its oldest proof is ${age(ageMs)} old, maxAge allows ${age(maxAgeMs)}`;
  }
  const ageMs = nowMs - coverBegan(earlier, startedAt);
  if (ageMs <= maxAgeMs) return null;
  return `a part of it has not been proven for ${age(ageMs)}, maxAge allows ${age(maxAgeMs)}`;
}

function coverBegan(earlier: readonly RunRecord[], nowMs: number): number {
  let began = nowMs;
  for (const { outcome, oldestProof, startedAt } of [...earlier].reverse()) {
    // A failed run knows nothing about proofs.
    if (outcome === 'failed') continue;
    if (oldestProof !== null) break;
    began = Math.min(began, Date.parse(startedAt));
  }
  return began;
}
