/**
 * Targets that are whole but for what of the source could not be read: they carry their signature, and
 * another run puts what can be read by then into its place, if nobody wrote to them since.
 */

import { createHash } from 'node:crypto';
import type { LocalVolume } from '../volume/index.js';
import { unwrittenEvidence } from './evidence.js';
import { headBytes } from './plan.js';

/** What a target was like when the run left it. */
export interface SealedTarget {
  /** Says whether it was written since; null if that could not be known. */
  readonly evidence: string | null;
  /** Of its first MiB: outlives a reboot, which the evidence does not. */
  readonly headDigest: string;
}

/** To be called when everything is flushed. */
export async function sealedTarget(volume: LocalVolume): Promise<SealedTarget> {
  const headDigest = digestOf(await readHead(volume));
  return { evidence: await unwrittenEvidence(volume), headDigest };
}

/** Whether nobody wrote to the targets since: then only what could not be read is missing. */
export async function areUntouched(
  sealed: readonly SealedTarget[],
  targets: readonly LocalVolume[],
): Promise<boolean> {
  for (const [index, target] of targets.entries()) {
    const evidence = sealed[index]?.evidence ?? null;
    if (evidence === null || (await unwrittenEvidence(target)) !== evidence) return false;
  }
  return targets.length === sealed.length;
}

/**
 * The head of a target that an earlier run sealed, if it still is that one, else null. The source's may
 * be unreadable by now, and this the last good copy.
 */
export async function sealedHead(
  sealed: SealedTarget | undefined,
  target: LocalVolume,
): Promise<Uint8Array | null> {
  if (sealed === undefined) return null;
  const head = await readHead(target);
  return digestOf(head) === sealed.headDigest ? head : null;
}

function readHead({ identity, reader }: LocalVolume): Promise<Uint8Array> {
  return reader.read(0, Math.min(headBytes, identity.sizeBytes));
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Whether a value that anything may have happened to is a list of such targets. */
export function isSealedList(value: unknown): value is readonly SealedTarget[] {
  return Array.isArray(value) && value.every(isSealed);
}

function isSealed(value: unknown): value is SealedTarget {
  const { evidence, headDigest } = (value ?? {}) as Partial<Record<keyof SealedTarget, unknown>>;
  return (evidence === null || typeof evidence === 'string') && typeof headDigest === 'string';
}
