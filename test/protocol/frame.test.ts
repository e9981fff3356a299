/** Frames: what is sent arrives, however it is cut; what is altered is noticed, and nothing of it is taken. */

import test from 'ava';
import { FastsyncError } from '../../src/errors.js';
import { encodeFrame, type Frame, FrameDecoder, frameKinds } from '../../src/protocol/frame.js';
import { seededRandom } from '../support/random.js';

const seed = 0x0123456789abcdefn;

function decoderWith(expected: bigint): FrameDecoder {
  const decoder = new FrameDecoder('the peer');
  decoder.seed = expected;
  return decoder;
}

test('frames arrive as they were sent, wherever the stream is cut', (t) => {
  const random = seededRandom(t, 1101);
  const kinds = Object.keys(frameKinds) as [Frame['kind']];
  const frames = Array.from({ length: 300 }, (): Frame => {
    const kind = random.pick(kinds);
    const length =
      kind === 'heartbeat' ? 0 : random.between(0, random.pick([2, 40, 3000, 100_000]));
    return { kind, payload: random.bytes(length) };
  });
  const stream = Buffer.concat(frames.map((frame) => encodeFrame(frame, seed)));
  const decoder = decoderWith(seed);
  const got: Frame[] = [];
  for (let at = 0; at < stream.length;) {
    const length = random.between(1, random.pick([2, 17, 5000, 200_000]));
    got.push(...decoder.take(stream.subarray(at, at + length)));
    at += length;
  }
  t.true(decoder.isBetweenFrames);
  t.is(got.length, frames.length);
  for (const [index, { kind, payload }] of got.entries()) {
    t.true(kind === frames[index]?.kind);
    t.true(Buffer.from(payload).equals(frames[index]?.payload ?? Buffer.alloc(0)));
  }
});

test('a bit that flips anywhere in a frame is noticed, or the frame never ends', (t) => {
  const random = seededRandom(t, 1102);
  const payload = random.bytes(300);
  const good = encodeFrame({ kind: 'data', payload }, seed);
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const decoder = decoderWith(seed);
    let got: Frame[] = [];
    try {
      got = [...decoder.take(bad)];
    } catch (error) {
      t.true(error instanceof FastsyncError && error.code === 'PROTOCOL_BROKEN', String(error));
      continue;
    }
    // A length that has grown: the rest is waited for, and nothing was taken.
    t.deepEqual(got, [], `bit ${bit}`);
    t.true(bit < 32, `bit ${bit}`);
    t.false(decoder.isBetweenFrames);
  }
});

test('a frame of another session is none', (t) => {
  const frame = encodeFrame({ kind: 'control', payload: Buffer.from('{}') }, seed);
  t.throws(() => [...decoderWith(seed + 1n).take(frame)], { code: 'PROTOCOL_BROKEN' });
});

test('lengths that nobody may claim are refused before the payload comes', (t) => {
  for (const [kind, length] of [
    [1, 256 * 1024 + 1],
    [2, 1024 * 1024 + 1],
    [2, 0xffffffff],
    [3, 1],
    [0, 0],
    [4, 0],
    [255, 0],
  ] as const) {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(length, 0);
    head.writeUInt8(kind, 4);
    t.throws(
      () => [...decoderWith(seed).take(head)],
      { code: 'PROTOCOL_BROKEN' },
      `${kind} ${length}`,
    );
  }
});
