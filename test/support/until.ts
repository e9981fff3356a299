/** Waiting for what comes, on however slow a machine, and never for what can come no more. */

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { hangMs } from './hang.js';

const pauseMs = 5;

type Holds = () => Promise<boolean> | boolean;

/** Waits for a condition; throws if it never comes true. */
export async function until(holds: Holds): Promise<void> {
  const end = Date.now() + hangMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Expected ${String(holds)} to come true`);
    await sleep(pauseMs);
  }
}

/**
 * Waits for what a run is to bring about: a process, or whatever else has an end. Throws if it ended
 * without, and says what it came to.
 */
export async function during(run: PromiseLike<unknown>, holds: Holds): Promise<void> {
  const ends: unknown[] = [];
  run.then(
    (end) => ends.push(end),
    (error: unknown) => ends.push(error),
  );
  for (;;) {
    // Asked first: what it brought about last of all counts too.
    const isOver = ends.length > 0;
    if (await holds()) return;
    if (isOver) {
      const end = inspect(ends[0], { maxStringLength: 4000 });
      throw new Error(`Expected ${String(holds)} to come true before the end: ${end}`);
    }
    await sleep(pauseMs);
  }
}

/** A process as execa gives it. */
interface Child extends PromiseLike<unknown> {
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
}

/** The first that a process says. Throws if it ended without a word. */
export async function firstOutput(
  child: Child,
  stream: 'stdout' | 'stderr' = 'stdout',
): Promise<string> {
  let said = '';
  child[stream]?.once('data', (data: Buffer | string) => {
    said = String(data);
  });
  await during(child, () => said !== '');
  return said;
}
