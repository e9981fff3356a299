/** A volume that is covered over several nights is well as long as no proof of it is too old. */

import { verdictOf, causes, type VerifyReport } from '../sync/index.js';
import type { RunRecord } from '../history/index.js';
import { formatAge } from '../report/index.js';

/** The time was up, and all that was compared is equal, what an earlier run had left in doubt included. */
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
 * Why an unfinished run does not count as well; null if it does. While a part was never proven, the
 * time since the first run that found it so counts: a first cover has as long as every later one.
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
    // A run that failed knows nothing of proofs.
    if (outcome === 'failed') continue;
    if (oldestProof !== null) break;
    began = Math.min(began, Date.parse(startedAt));
  }
  return began;
}
