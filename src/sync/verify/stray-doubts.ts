/**
 * Signatures on a replica where nothing is in use, and its source has none: it is taken for something else
 * than its source, and is not proven to be a replica, however equal all the rest.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import { subtract } from '../../region/index.js';
import type { Volume } from '../../volume/index.js';
import { type Layout, namedStrays, straysOn, wipeStrays } from '../stray-signatures.js';
import type { ChangeLog } from './change-log.js';
import type { Span } from './span.js';

export interface StrayLook {
  readonly target: Volume;
  /** What the source carries there as well is its own; null: nobody can be asked. */
  readonly source: { readonly path: string; readonly reader: ByteReader } | null;
  readonly layout: Layout;
}

/** Who asks for a part is told of that part. */
export function isWhole({ startBytes, stopBytes }: Span, sizeBytes: number): boolean {
  return startBytes === 0 && stopBytes >= sizeBytes;
}

/** One sentence each. */
export async function strayDoubts(look: StrayLook): Promise<string[]> {
  return (await namesIn(look)).map((what) => sentence(look, what));
}

/** The same of volumes in use: what was written since the map was read may be anybody's content. */
export async function strayDoubtsInUse(look: StrayLook, changeLog: ChangeLog): Promise<string[]> {
  const first = await namesIn(look);
  if (first.length === 0) return [];
  await changeLog.writtenSince();
  const free = subtract(look.layout.free, changeLog.concerned);
  const still = new Set(await namesIn({ ...look, layout: { ...look.layout, free } }));
  return first.filter((what) => still.has(what)).map((what) => sentence(look, what));
}

/** Wipes what an owner has given up. */
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
