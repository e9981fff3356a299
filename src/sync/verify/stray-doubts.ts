/**
 * Signatures in the free space of a replica that its source does not have: programs may take the volume
 * for something other than its source, so it is not proven to be a replica, even if everything else is
 * equal.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { type Layout, namedStrays, straysOn, wipeStrays } from '../stray-signatures.js';
import type { ChangeLog } from './change-log.js';
import type { Span } from './span.js';

export interface StrayLook {
  readonly target: Volume;
  /** Signatures that the source has as well are ignored; null: there is no source to ask. */
  readonly source: { readonly path: string; readonly reader: ByteReader } | null;
  readonly layout: Layout;
}

/** Whether the span covers the volume: a run over a part reports only about that part. */
export function isWhole({ startBytes, stopBytes }: Span, sizeBytes: number): boolean {
  return startBytes === 0 && stopBytes >= sizeBytes;
}

/** One sentence each. */
export async function strayDoubts(look: StrayLook): Promise<string[]> {
  return (await namesIn(look)).map((what) => sentence(look, what));
}

/** The same for volumes in use: ranges written since the map was read may be ordinary content now. */
export async function strayDoubtsInUse(look: StrayLook, changeLog: ChangeLog): Promise<string[]> {
  const first = await namesIn(look);
  if (first.length === 0) return [];
  await changeLog.writtenSince();
  const free = subtract(look.layout.free, changeLog.concerned);
  const still = new Set(await namesIn({ ...look, layout: { ...look.layout, free } }));
  return first.filter((what) => still.has(what)).map((what) => sentence(look, what));
}

/** Wipes signatures that the user agreed to remove. */
export async function wipeStraysIn({ target, source, layout }: StrayLook): Promise<void> {
  const strays = await straysOn(target.reader, source?.reader ?? null, layout);
  if (strays.length > 0) await wipeStrays(target, strays, layout);
}

function namesIn({ target, source, layout }: StrayLook): Promise<string[]> {
  return namedStrays(target.reader, source?.reader ?? null, layout);
}

function sentence({ target, source }: StrayLook, what: string): string {
  const { path } = target.identity;
  return source === null
    ? `${path} has ${what} in free space: programs may take the volume for that instead of what the manifest describes`
    : `${path} has ${what} in free space, which ${source.path} does not have; --repair --yes wipes it`;
}
