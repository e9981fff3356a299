/**
 * One moment of a source: it is held, read, and released. Only the point source knows how the moment
 * comes about: by a freeze, by a pause of the writers; by a snapshot or a position in a stream later.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import type { EndpointDescription } from '../../engine/index.js';
import type { FastsyncError } from '../../errors.js';
import type { ExtentList } from '../../region/index.js';

export interface PointSource {
  /**
   * Waits for a moment to read the source at. Rejects where none comes, with the reason. Two moments
   * of one source are not held at a time.
   */
  hold(): Promise<HeldPoint>;
}

/** What is written before the moment has been drained when it is held. */
export interface HeldPoint extends AsyncDisposable {
  /** Milliseconds since 1970. */
  readonly moment: number;
  /** Where the source of that moment is read: by jobs, and by parsers. */
  readonly endpoint: EndpointDescription;
  readonly reader: ByteReader;
  /** Fires when the moment has ended without release(): what is read after that is of no moment. */
  readonly ended: AbortSignal;
  /** How long it can still be held; Infinity where nobody waits for it. */
  leftMs(): number;
  /** Where releasing it writes by itself, if anywhere. */
  readonly ownWrites: ExtentList;
  /** Ends the moment. Rejects where it had ended before, and writers have waited in vain. */
  release(): Promise<Released>;
}

/** What a moment was, as it turns out when it is over. */
export type Released =
  /** All that was read while it was held is of the moment. Writers waited so long. */
  | { readonly kind: 'lasted'; readonly enterMs: number; readonly heldMs: number }
  /** The source was written meanwhile. Nobody had to wait, so it may be tried again at once. */
  | { readonly kind: 'written'; readonly error: FastsyncError };

/** A moment that is over, and proven. */
export interface ConsistencyPoint {
  /** Milliseconds since 1970. */
  readonly moment: number;
  /** How long writers had to wait for it, in all. */
  readonly waitedMs: number;
}

const tries = 5;

/**
 * Runs the action while the source is held, as often as a moment takes that lasts. Rejects as hold() and
 * release() do, and as the action does.
 */
export async function atOneMoment<Result>(
  source: PointSource,
  action: (held: HeldPoint) => Promise<Result>,
): Promise<ConsistencyPoint & { readonly result: Result }> {
  for (let attempt = 1; ; attempt++) {
    await using held = await source.hold();
    const result = await action(held);
    const released = await held.release();
    if (released.kind === 'lasted') {
      return { result, moment: held.moment, waitedMs: released.enterMs + released.heldMs };
    }
    if (attempt === tries) throw released.error;
  }
}
