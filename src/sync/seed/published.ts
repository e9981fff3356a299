/**
 * Targets that lack only what could not be read of the source: they carry their signature, and another
 * run adds what it can read, if nobody wrote to them since.
 */

import { createHash } from 'node:crypto';
import type { Volume } from '../../volume/index.js';
import { readHeader } from '../target-header/index.js';

/** What a target was like when the run left it. */
export interface PublishedTarget {
  /** Says whether it was written since; null if that could not be known. */
  readonly writeCounter: string | null;
  /** Of its first MiB: still valid after a reboot, unlike the write counter. */
  readonly headerDigest: string;
}

/** To be called when everything is flushed. */
export async function publishedTarget(volume: Volume): Promise<PublishedTarget> {
  const headerDigest = digestOf(await readHeader(volume.reader));
  const { value: writeCounter } = await volume.writeCounter();
  return { writeCounter, headerDigest };
}

/** Whether nobody wrote to the targets since: then only what could not be read is missing. */
export async function areUntouched(
  published: readonly PublishedTarget[],
  targets: readonly Volume[],
): Promise<boolean> {
  for (const [index, target] of targets.entries()) {
    const before = published[index]?.writeCounter ?? null;
    if (before === null) return false;
    if ((await target.writeCounter()).value !== before) return false;
  }
  return targets.length === published.length;
}

/**
 * The header of a target that an earlier run published, if it still is that one, else null. The source's may
 * be unreadable by now, and this the last good copy.
 */
export async function publishedHeader(
  published: PublishedTarget | undefined,
  target: Volume,
): Promise<Uint8Array | null> {
  if (published === undefined) return null;
  const header = await readHeader(target.reader);
  return digestOf(header) === published.headerDigest ? header : null;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Whether a value that anything may have happened to is a list of such targets. */
export function isPublishedList(value: unknown): value is readonly PublishedTarget[] {
  return Array.isArray(value) && value.every(isPublished);
}

function isPublished(value: unknown): value is PublishedTarget {
  const { writeCounter, headerDigest } = (value ?? {}) as Partial<
    Record<keyof PublishedTarget, unknown>
  >;
  return (
    (writeCounter === null || typeof writeCounter === 'string') && typeof headerDigest === 'string'
  );
}
