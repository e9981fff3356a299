/** When each part of a volume was last proven equal. */

import { eachExtent, type ExtentList } from '../../region/index.js';
import { isMoment } from '../state-file.js';

/** A part of the volume; it begins where the previous one ends. */
export interface Proof {
  readonly endBytes: number;
  /** Milliseconds since 1970; null: never. */
  readonly provenAt: number | null;
}

/** Covers the whole volume in order, without gaps. */
export type ProofAges = readonly Proof[];

/** Above this number, neighbouring parts are joined and take the age of the older one. */
export const mostProofs = 4096;

export function noProofs(deviceBytes: number): ProofAges {
  return [{ endBytes: deviceBytes, provenAt: null }];
}

/** The proof ages with the extents of `proven` set to another time; null: never. */
export function withProof(
  proofAges: ProofAges,
  proven: ExtentList,
  provenAt: number | null,
): ProofAges {
  const pieces: Proof[] = [];
  let position = 0;
  const push = (endBytes: number, at: number | null) => {
    if (endBytes <= position) return;
    if (pieces.length > 0 && pieces.at(-1)?.provenAt === at) pieces.pop();
    pieces.push({ endBytes, provenAt: at });
    position = endBytes;
  };
  let index = 0;
  /** Copies the old proof ages up to that offset, or, with `isNew`, skips them. */
  const advance = (toBytes: number, isNew: boolean) => {
    for (; index < proofAges.length; index++) {
      const proof = proofAges[index] as Proof;
      if (!isNew) push(Math.min(proof.endBytes, toBytes), proof.provenAt);
      if (proof.endBytes > toBytes) return;
    }
  };
  for (const { start, length } of eachExtent(proven)) {
    advance(start, false);
    advance(start + length, true);
    push(start + length, provenAt);
  }
  advance(Infinity, false);
  return shortened(pieces);
}

/**
 * Limits the number of parts. A joined part has the age of its oldest member, so no proof looks newer
 * than it is.
 */
function shortened(proofAges: ProofAges): ProofAges {
  let parts = proofAges;
  while (parts.length > mostProofs) {
    parts = parts.flatMap((proof, index) => {
      if (index % 2 === 0) return index === parts.length - 1 ? [proof] : [];
      const before = parts[index - 1] as Proof;
      return [{ endBytes: proof.endBytes, provenAt: older(before.provenAt, proof.provenAt) }];
    });
  }
  return parts;
}

function older(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.min(a, b);
}

/** The time of the oldest proof within `[startBytes, endBytes)`; null if a part of it has none. */
export function oldestProof(
  proofAges: ProofAges,
  startBytes: number,
  endBytes: number,
): number | null {
  let oldest = Infinity;
  let start = 0;
  for (const { endBytes: end, provenAt } of proofAges) {
    if (end > startBytes && start < endBytes) {
      if (provenAt === null) return null;
      oldest = Math.min(oldest, provenAt);
    }
    start = end;
  }
  return oldest === Infinity ? null : oldest;
}

/** Whether a value read from a file is a list of proof ages for a volume of that size. */
export function isProofAges(value: unknown, deviceBytes: number): value is ProofAges {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostProofs) return false;
  let position = 0;
  for (const proof of value as readonly (Partial<Proof> | null)[]) {
    const { endBytes, provenAt } = proof ?? {};
    if (!Number.isSafeInteger(endBytes) || (endBytes as number) <= position) return false;
    if (provenAt !== null && !isMoment(provenAt)) return false;
    position = endBytes as number;
  }
  return position === deviceBytes;
}
