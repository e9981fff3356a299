/**
 * Detects volumes that stopped answering, reports them, and gives up on them after a limit, if there is
 * one. It checks the requests in flight (in-flight.ts) once a second during the whole run.
 */

import { exitCodes, FastsyncError } from '../errors.js';
import { giveUp, isGivenUp, type Requests, requestsInFlight } from '../in-flight.js';
import type { Reporter } from '../report/events.js';
import { formatDuration } from '../report/units.js';

/** A disk that spins up or retries a bad sector usually takes less. */
const tellAfterMs = 30_000;
const lookEveryMs = 1000;
/**
 * Limits the time counted between two checks: a process that was stopped or had no CPU time was not
 * waiting.
 */
const mostBetweenLooksMs = 2 * lookEveryMs;
/**
 * How long a run may take to end after giving up on a volume; it may wait for requests that are not
 * counted.
 */
const graceMs = 30_000;

interface Stall {
  completed: number;
  /** How long requests have waited without any being answered. */
  quietMs: number;
  /** When it is reported next. */
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

  /** From now on, gives up on a volume that has not answered for this long; null: waits without limit. */
  limit(ms: number | null): void {
    this.#limitMs = ms;
  }

  /** The error of the first volume that was given up; null: none was. */
  get gaveUp(): FastsyncError | null {
    return this.#gaveUp;
  }

  /** How long a volume has not answered, in milliseconds, if long enough to report; else null. */
  stallOf(name: string): number | null {
    const quietMs = this.#stalls.get(name)?.quietMs ?? 0;
    return quietMs >= tellAfterMs ? quietMs : null;
  }

  /** Resolves as `work` does, but rejects if `work` does not end soon after a volume was given up. */
  bound<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ending]);
  }

  /** Public for tests, which use their own clock. */
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
      // The time before the first check does not count: the request may be new.
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
