/** What is noticed of volumes that do not answer, by a clock of the test's own. */

import test from 'ava';
import { inFlight, giveUp, type Requests, requestsInFlight, waiting } from '../../src/in-flight.js';
import type { NoteEvent } from '../../src/report/index.js';
import { StallWatch } from '../../src/sync/index.js';

/** A watch that looks once a second, and what it says. */
function scene() {
  const notes: NoteEvent[] = [];
  const watch = new StallWatch({ report: (event) => notes.push(event as NoteEvent) });
  let nowMs = 0;
  return {
    watch,
    codes: () => notes.map(({ code }) => code),
    messages: () => notes.map(({ message }) => message),
    /** So many looks, which find the same. */
    look: (seconds: number, inFlight: Readonly<Record<string, Requests>>, stepMs = 1000) => {
      for (let i = 0; i < seconds; i++)
        watch.look((nowMs += stepMs), new Map(Object.entries(inFlight)));
    },
  };
}

const waits = (completed = 7) => ({ submitted: completed + 1, completed });

test('silence is told after half a minute, each time that it has doubled, and when it is over', (t) => {
  const { look, messages } = scene();
  look(300, { a: waits(), b: { submitted: 5, completed: 5 } });
  look(1, { a: waits(8), b: { submitted: 5, completed: 5 } });
  t.is(messages().length, 5);
  for (const [index, time] of ['30 s', '1 min 0 s', '2 min 0 s', '4 min 0 s'].entries()) {
    t.regex(messages()[index] ?? '', new RegExp(`^a has not answered for ${time};`));
  }
  t.regex(messages()[4] ?? '', /^a answers again, after 4 min 59 s$/);
});

test('what answers now and then is slow, and what is asked nothing is idle', (t) => {
  const { look, codes } = scene();
  for (let i = 0; i < 20; i++) look(29, { slow: waits(i), idle: { submitted: 3, completed: 3 } });
  t.deepEqual(codes(), []);
});

test('a process that was stopped has waited for nobody meanwhile', (t) => {
  const { look, watch, codes } = scene();
  watch.limit(60_000);
  look(10, { a: waits() }, 3_600_000);
  t.deepEqual(codes(), []);
  t.is(watch.gaveUp, null);
});

test('with a limit, whoever waits for a volume fails, and whoever waits for another does not', async (t) => {
  const { look, watch } = scene();
  watch.limit(40_000);
  const hangs = inFlight('limited', () => new Promise<never>(() => undefined));
  let isCancelled = false;
  const job = waiting({
    names: ['well', 'limited'],
    requests: () => [{ name: 'well', submitted: 4, completed: 4 }],
    done: () => new Promise<never>(() => undefined),
  }).catch((error: unknown) => {
    isCancelled = true;
    throw error;
  });
  const other = inFlight('well', () => Promise.resolve(1));
  const counts = requestsInFlight();
  t.like(counts.get('limited'), { submitted: 1, completed: 0 });
  look(40, { limited: waits(0), well: waits(5) });
  t.is(watch.gaveUp, null);
  look(1, { limited: waits(0), well: waits(9) });
  t.like(watch.gaveUp, { code: 'IO_TIMEOUT', exitCode: 3 });
  await t.throwsAsync(hangs, { message: /^gave up on limited: it has not answered for 40 s/ });
  await t.throwsAsync(job, { message: /^gave up on limited/ });
  t.true(isCancelled);
  t.is(await other, 1);
  await t.throwsAsync(() => inFlight('limited', () => Promise.resolve(1)), {
    message: /^gave up on limited/,
  });
});

test('a run that does not end by itself then is waited for no longer', async (t) => {
  const { look, watch } = scene();
  watch.limit(10_000);
  const bound = watch.bound(new Promise<never>(() => undefined));
  look(11, { bound: waits() });
  t.not(watch.gaveUp, null);
  look(31, {});
  await t.throwsAsync(bound, { message: /^gave up on bound: it has not answered/ });
});

test('what was counted stays counted when nobody waits any more', async (t) => {
  await inFlight('counted', () => Promise.resolve());
  await t.throwsAsync(inFlight('counted', () => Promise.reject(new Error('no'))));
  t.like(requestsInFlight().get('counted'), { submitted: 2, completed: 2 });
  giveUp('counted', new Error('gone'));
  await t.throwsAsync(
    inFlight('counted', () => Promise.resolve()),
    { message: 'gone' },
  );
});
