/**
 * Published targets that lack only the source's unreadable ranges. They have their signature; another run
 * can add the ranges that it can read, if nobody wrote to the targets since.
 */

import { createHash } from 'node:crypto';
import type { Volume } from '../../volume/index.js';
import { readHeader } from '../target-header/index.js';

/** The state of a target when the run left it. */
export interface PublishedTarget {
  /** The target's write counter; null where it was not available. */
  readonly writeCounter: string | null;
  /** Digest of its first MiB; unlike the write counter it stays valid after a reboot. */
  readonly headerDigest: string;
}

/** Call it when everything is flushed. */
export async function publishedTarget(volume: Volume): Promise<PublishedTarget> {
  const headerDigest = digestOf(await readHeader(volume.reader));
  const { value: writeCounter } = await volume.writeCounter();
  return { writeCounter, headerDigest };
}

/** Whether nobody wrote to the targets since, so that only the unreadable ranges are missing. */
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
 * The target's header if it is still the one that an earlier run published, else null. The source's
 * header may be unreadable by now, which makes this the last good copy.
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

/** Whether a value, which may be damaged, is a list of published targets. */
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
