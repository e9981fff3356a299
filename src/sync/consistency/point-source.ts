/**
 * A source of consistent moments: a moment is held, read, and released. Only the implementation knows how
 * it holds the source: by a freeze or by waiting for a pause of the writers; later perhaps by a snapshot
 * or a position in a stream.
 */

import type { ByteReader } from '../../../fsparsers/reader.js';
import type { EndpointDescription } from '../../engine/index.js';
import type { FastsyncError } from '../../errors.js';
import type { ExtentList } from '../../region/index.js';

export interface PointSource {
  /**
   * Waits for a moment at which the source can be read. Rejects with the reason where none comes. Never
   * holds two moments of one source at once.
   */
  hold(): Promise<HeldPoint>;
}

/** A moment that is held. Everything written before it has been drained. */
export interface HeldPoint extends AsyncDisposable {
  /** Milliseconds since 1970. */
  readonly moment: number;
  /** Where jobs and parsers read the source as of that moment. */
  readonly endpoint: EndpointDescription;
  readonly reader: ByteReader;
  /** Fires when the moment ended without release(): anything read afterwards belongs to no moment. */
  readonly ended: AbortSignal;
  /** How long it can still be held; Infinity where no writer waits. */
  leftMs(): number;
  /** The ranges that releasing it writes. */
  readonly ownWrites: ExtentList;
  /** Ends the moment. Rejects where it had ended before, so that writers waited in vain. */
  release(): Promise<Released>;
}

/** The result of a moment, known after its release. */
export type Released =
  /** Everything read while it was held belongs to the moment. Writers waited that long. */
  | { readonly kind: 'lasted'; readonly enterMs: number; readonly heldMs: number }
  /** The source was written meanwhile. No writer had to wait, so it may be tried again at once. */
  | { readonly kind: 'written'; readonly error: FastsyncError };

/** A moment that has ended and lasted as long as needed. */
export interface ConsistencyPoint {
  /** Milliseconds since 1970. */
  readonly moment: number;
  /** How long writers had to wait for it in total. */
  readonly waitedMs: number;
}

const tries = 5;

/**
 * Runs the action while the source is held; repeats it until a moment lasts. Rejects as hold() and
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
