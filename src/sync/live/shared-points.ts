/** Replicas that are ready at about the same time share one moment of the source, and so one freeze. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsistencyPoint } from '../consistency/point-source.js';

/** A participant in a moment: copies what is left of its dirty set. */
export interface Participant {
  /** Copies all dirty ranges, and those that belong to every epoch. Rejects when `signal` fires. */
  stageLast(signal: AbortSignal): Promise<void>;
}

/** Lets all participants share one moment; returns the result of each. */
export type TakeTogether = (
  participants: readonly Participant[],
) => Promise<ConsistencyPoint & { readonly result: readonly PromiseSettledResult<void>[] }>;

interface Waiting {
  readonly participant: Participant;
  readonly resolve: (point: ConsistencyPoint) => void;
  readonly reject: (error: unknown) => void;
}

/** How long to wait for replicas that are almost ready. */
const gatherMs = 300;
const gatherPollMs = 20;

export class SharedPoints {
  readonly #takeTogether: TakeTogether;
  #almostReady = 0;
  #waiting: Waiting[] = [];
  #taking: Promise<void> | null = null;

  constructor(takeTogether: TakeTogether) {
    this.#takeTogether = takeTogether;
  }

  /** Runs an action after which the caller joins; replicas that are ready wait for it briefly. */
  async almostReady<Result>(action: () => Promise<Result>): Promise<Result> {
    this.#almostReady++;
    try {
      return await action();
    } finally {
      this.#almostReady--;
    }
  }

  /** Waits for a moment and takes part. Rejects as `takeTogether` does, and as the participant does. */
  join(participant: Participant): Promise<ConsistencyPoint> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ participant, resolve, reject });
      this.#taking ??= this.#takeAll().finally(() => {
        this.#taking = null;
      });
    });
  }

  async #takeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      for (let waited = 0; this.#almostReady > 0 && waited < gatherMs; waited += gatherPollMs) {
        await sleep(gatherPollMs);
      }
      const together = this.#waiting.splice(0);
      try {
        const { result, moment, waitedMs } = await this.#takeTogether(
          together.map(({ participant }) => participant),
        );
        for (const [index, { resolve, reject }] of together.entries()) {
          const outcome = result[index];
          if (outcome?.status === 'rejected') reject(outcome.reason);
          else resolve({ moment, waitedMs });
        }
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
  }
}
