/**
 * Notices that a volume answers nobody any more, says so, and gives it up where there is a limit. It looks
 * at the requests in flight (in-flight.ts), once a second, for the whole run.
 */

import { exitCodes, FastsyncError } from '../errors.js';
import { giveUp, isGivenUp, type Requests, requestsInFlight } from '../in-flight.js';
import type { Reporter } from '../report/events.js';
import { formatDuration } from '../report/units.js';

/** A disk that spins up, or tries again to read a bad sector, takes less as a rule. */
const tellAfterMs = 30_000;
const lookEveryMs = 1000;
/** A process that was stopped, or had no processor, has waited for nobody meanwhile. */
const mostBetweenLooksMs = 2 * lookEveryMs;
/** For a run to come to its end when a volume was given up; it may wait for what nobody counts. */
const graceMs = 30_000;

interface Stall {
  completed: number;
  /** For so long requests have waited, and none was answered. */
  quietMs: number;
  /** When it is told next. */
  tellAtMs: number;
}

export class StallWatch {
  readonly #reporter: Reporter;
  readonly #stalls = new Map<string, Stall>();
  readonly #ending: Promise<never>;
  #end: (error: Error) => void = () => undefined;
  #limitMs: number | null = null;
  #lastLookMs: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #gaveUp: FastsyncError | null = null;
  #sinceGaveUpMs = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
    this.#ending = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.#ending.catch(() => undefined);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.look(performance.now(), requestsInFlight());
    }, lookEveryMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** From now on what has not answered for so long is given up; null: it is waited for. */
  limit(ms: number | null): void {
    this.#limitMs = ms;
  }

  /** The first volume that was given up, as the error that whoever waited for it met; null: none was. */
  get gaveUp(): FastsyncError | null {
    return this.#gaveUp;
  }

  /** For how long a name has not answered, in milliseconds, where it is long enough to be told. */
  stallOf(name: string): number | null {
    const quietMs = this.#stalls.get(name)?.quietMs ?? 0;
    return quietMs >= tellAfterMs ? quietMs : null;
  }

  /** As `work`; but where it does not end soon after a volume was given up, it is waited for no longer. */
  bound<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ending]);
  }

  /** Public for tests, which have a clock of their own. */
  look(nowMs: number, inFlight: ReadonlyMap<string, Requests>): void {
    const passedMs = Math.min(mostBetweenLooksMs, nowMs - (this.#lastLookMs ?? nowMs));
    this.#lastLookMs = nowMs;
    for (const [name, requests] of inFlight) {
      if (!isGivenUp(name)) this.#lookAt(name, requests, passedMs);
    }
    if (this.#gaveUp === null) return;
    this.#sinceGaveUpMs += passedMs;
    if (this.#sinceGaveUpMs > graceMs) this.#end(this.#gaveUp);
  }

  #lookAt(name: string, { submitted, completed }: Requests, passedMs: number): void {
    const stall = this.#stalls.get(name);
    if (stall?.completed !== completed || submitted <= completed) {
      if (stall !== undefined) this.#tellOver(name, stall);
      // The time before the first look does not count: the request may have come just now.
      if (submitted <= completed) this.#stalls.delete(name);
      else this.#stalls.set(name, { completed, quietMs: 0, tellAtMs: tellAfterMs });
      return;
    }
    stall.quietMs += passedMs;
    if (this.#limitMs !== null && stall.quietMs >= this.#limitMs) {
      this.#giveUp(name, this.#limitMs);
    } else if (stall.quietMs >= stall.tellAtMs) {
      this.#tell(name, stall.tellAtMs);
      stall.tellAtMs *= 2;
    }
  }

  #tell(name: string, ms: number): void {
    const limit =
      this.#limitMs === null
        ? 'no limit; --io-timeout sets one'
        : `up to ${formatDuration(this.#limitMs / 1000)}`;
    const message = `${name} has not answered for ${formatDuration(ms / 1000)}; the run waits for it (${limit})`;
    this.#note('NOT_ANSWERING', message);
  }

  #tellOver(name: string, { quietMs, tellAtMs }: Stall): void {
    const wasTold = tellAtMs > tellAfterMs;
    const after = formatDuration(quietMs / 1000);
    if (wasTold) this.#note('ANSWERING_AGAIN', `${name} answers again, after ${after}`);
  }

  #note(code: string, message: string): void {
    this.#reporter.report({ type: 'note', severity: 'warning', code, message });
  }

  #giveUp(name: string, limitMs: number): void {
    const error = new FastsyncError({
      code: 'IO_TIMEOUT',
      exitCode: exitCodes.incomplete,
      message: `gave up on ${name}: it has not answered for ${formatDuration(limitMs / 1000)}, the limit`,
      remedy: 'restore its storage, and run the same command again',
    });
    this.#gaveUp ??= error;
    giveUp(name, error);
  }
}
