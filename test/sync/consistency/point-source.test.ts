/** One moment, whatever kind of source it is of: held, read, released, and tried again where that costs nobody. */

import test from 'ava';
import { FastsyncError } from '../../../src/errors.js';
import { OwnWrites, OwnWritesPoints } from '../../../src/sync/consistency/own-writes.js';
import {
  atOneMoment,
  type HeldPoint,
  type PointSource,
  type Released,
} from '../../../src/sync/consistency/point-source.js';

const error = new FastsyncError({ code: 'SOURCE_NOT_QUIET', exitCode: 3, message: 'it is not' });
const written: Released = { kind: 'written', error };
const lasted: Released = { kind: 'lasted', enterMs: 2, heldMs: 3 };
const kibibyte = 1024;

/** A source of moments that end as the list says, the last of it again and again. */
function scripted(endings: readonly (Released | Error)[], bytes = new Uint8Array(0)) {
  const log: string[] = [];
  let holds = 0;
  const hold = (): Promise<HeldPoint> => {
    const ending = endings[Math.min(holds, endings.length - 1)] ?? lasted;
    holds++;
    log.push('hold');
    return Promise.resolve({
      moment: 1000 * holds,
      endpoint: { kind: 'descriptor', fd: -1 } as unknown as HeldPoint['endpoint'],
      reader: {
        sizeBytes: bytes.length,
        read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
      },
      ended: new AbortController().signal,
      leftMs: () => Infinity,
      ownWrites: Float64Array.of(0, bytes.length),
      release: () => {
        log.push('release');
        return ending instanceof Error ? Promise.reject(ending) : Promise.resolve(ending);
      },
      [Symbol.asyncDispose]: () => {
        log.push('dispose');
        return Promise.resolve();
      },
    });
  };
  return { points: { hold } satisfies PointSource, log };
}

test('what is read while a moment lasts is of it', async (t) => {
  const { points, log } = scripted([lasted]);
  const point = await atOneMoment(points, ({ moment }) => Promise.resolve(`read at ${moment}`));
  t.deepEqual(point, { result: 'read at 1000', moment: 1000, waitedMs: 5 });
  t.deepEqual(log, ['hold', 'release', 'dispose']);
});

test('a moment at no cost to writers is tried again at once', async (t) => {
  const { points } = scripted([written, written, lasted]);
  const { moment } = await atOneMoment(points, () => Promise.resolve());
  t.is(moment, 3000);
});

test('but not for ever', async (t) => {
  const { points, log } = scripted([written]);
  await t.throwsAsync(
    atOneMoment(points, () => Promise.resolve()),
    { is: error },
  );
  t.is(log.filter((word) => word === 'hold').length, 5);
});

test('one that writers have waited for is not tried again, and what was read is not taken', async (t) => {
  const lost = new Error('thawed by somebody else');
  const { points, log } = scripted([lost]);
  await t.throwsAsync(
    atOneMoment(points, () => Promise.resolve()),
    { is: lost },
  );
  t.deepEqual(log, ['hold', 'release', 'dispose']);
});

test('whatever fails while it is held, the source is let go', async (t) => {
  const { points, log } = scripted([lasted]);
  const failure = new Error('unreadable');
  await t.throwsAsync(
    atOneMoment(points, () => Promise.reject(failure)),
    { is: failure },
  );
  t.deepEqual(log, ['hold', 'dispose']);
});

/** What a release wrote, by the bytes before and after it. */
async function judge(change: (bytes: Uint8Array) => void) {
  const bytes = new Uint8Array(64 * kibibyte).fill(7);
  const { points } = scripted([lasted], bytes.slice());
  const later = {
    sizeBytes: bytes.length,
    read: (offset: number, length: number) => Promise.resolve(bytes.slice(offset, offset + length)),
  };
  const own = await OwnWrites.expect(await points.hold(), later);
  change(bytes);
  return own;
}

test('a superblock that the release wrote is its own, and nothing else is', async (t) => {
  const superblock = await judge((bytes) => bytes.fill(1, kibibyte, 2 * kibibyte));
  t.true(await superblock.areAll());
  const data = await judge((bytes) => bytes.fill(1, 2 * kibibyte, 2 * kibibyte + 1));
  t.false(await data.areAll());
  t.true(superblock.covers(Float64Array.of(0, 4 * kibibyte)));
  t.false(superblock.covers(Float64Array.of(0, 4 * kibibyte, 64 * kibibyte, kibibyte)));
});

test('what a release wrote is drained behind it, where the moment lasted', async (t) => {
  for (const [ending, drains] of [
    [lasted, 1],
    [written, 0],
  ] as const) {
    const { points } = scripted([ending]);
    const { reader } = await points.hold();
    let count = 0;
    const drain = () => {
      count++;
      return Promise.resolve();
    };
    await using held = await new OwnWritesPoints(points, { reader, drain }).hold();
    t.deepEqual(await held.release(), ending);
    t.is(count, drains);
  }
});
