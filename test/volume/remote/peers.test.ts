/** A peer that breaks the rules, goes at any moment, or says what is not so: an error, never a hang and never "equal". */

import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { FastsyncError } from '../../../src/errors.js';
import { noProgress } from '../../../src/engine/index.js';
import { Calls } from '../../../src/protocol/calls.js';
import { Link, type Message, streamChannel } from '../../../src/protocol/index.js';
import { encodeNumbers } from '../../../src/protocol/lists.js';
import { remoteDigests } from '../../../src/volume/remote/remote-digests.js';

const mebibyte = 2 ** 20;
const silenceMs = 600_000;

interface Control {
  readonly id: number;
  readonly type: string;
}

/** What answers each request of a driver in this process. */
function connected(
  t: ExecutionContext,
  answer: (peer: Link, control: Control, message: Message) => unknown,
): Calls {
  const [there, back] = [new PassThrough(), new PassThrough()];
  const peer = new Link({
    channel: streamChannel({ input: there, output: back }),
    peer: 'the driver',
    silenceMs,
    mostAttachedBytes: () => mebibyte,
  });
  void (async () => {
    for await (const message of peer.messages()) {
      await answer(peer, message.control as Control, message);
    }
  })().catch(() => undefined);
  const calls = new Calls(
    (mostAttachedBytes) =>
      new Link({
        channel: streamChannel({ input: back, output: there }),
        peer: 'far',
        silenceMs,
        mostAttachedBytes,
      }),
  );
  t.teardown(() => {
    peer.close();
    calls.link.close();
  });
  return calls;
}

const counter = { type: 'writeCounter', body: {} } as const;

test('who has broken the protocol is asked nothing more', async (t) => {
  for (const wrong of [
    { id: 999, type: 'reply' },
    { id: 1, type: 'progress', progress: 7 },
    { id: 1, type: 'failure', code: 'no code' },
  ]) {
    const calls = connected(t, (peer) => peer.send(wrong));
    await t.throwsAsync(calls.call(counter), { code: 'PROTOCOL_BROKEN' });
    await t.throwsAsync(calls.call(counter), { code: 'PROTOCOL_BROKEN' });
    await calls.finished;
    t.true(calls.link.ended.aborted);
  }
});

test('a peer that went between two requests is missed by the next one', async (t) => {
  const calls = connected(t, async (peer, { id }) => {
    await peer.send({ id, type: 'reply', counterText: null, isFresh: true });
    peer.close();
  });
  await calls.call(counter);
  await calls.finished;
  for (let time = 0; time < 2; time++) {
    const error = await t.throwsAsync(calls.call(counter), { instanceOf: FastsyncError });
    t.like(error, { code: 'LINK_LOST', exitCode: 6 });
  }
});

/** The reply to a digest of so many cells. */
async function replyWith(peer: Link, id: number, cells: readonly number[], more: object = {}) {
  const digests = Buffer.alloc(cells.length * 16, 1);
  const reply = {
    ...{ id, type: 'reply', cells: cells.length, digestBytes: digests.length, unreadable: 0 },
    ...{ progress: noProgress, backend: 'threads', cancelled: false, ...more },
  };
  await peer.send(reply, Buffer.concat([encodeNumbers(Float64Array.from(cells)), digests]));
}

const identity = { sizeBytes: 16 * mebibyte } as Parameters<typeof remoteDigests>[1];
const question = {
  extents: Float64Array.of(0, 4 * mebibyte),
  cellBytes: mebibyte,
  algorithm: 'xxh3-128',
} as const;

test('a digest that the peer stopped by itself is no answer', async (t) => {
  const calls = connected(t, (peer, { id }) => replyWith(peer, id, [0, 1], { cancelled: true }));
  await t.throwsAsync(remoteDigests(calls, identity, question).done, { code: 'PROTOCOL_BROKEN' });
});

test('one that was asked to stop may say so', async (t) => {
  const calls = connected(t, async (peer, { id, type }) => {
    if (type !== 'cancel') return;
    await replyWith(peer, id - 1, [], { cancelled: true });
    await peer.send({ id, type: 'reply' });
  });
  const job = remoteDigests(calls, identity, question);
  job.cancel();
  t.true((await job.done).cancelled);
});

test('digests of cells out of order, or behind the end, are no answer', async (t) => {
  for (const cells of [[1, 0], [2, 2], [16]]) {
    const calls = connected(t, (peer, { id }) => replyWith(peer, id, cells));
    const error = { code: 'PROTOCOL_BROKEN' };
    await t.throwsAsync(remoteDigests(calls, identity, question).done, error, cells.join());
  }
});
