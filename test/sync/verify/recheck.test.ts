/** Reading again: what becomes of differences that stay, vanish, move, or are being written. */

import test from 'ava';
import type { CompareResult, Progress } from '../../../src/engine/index.js';
import { emptyExtents, type ExtentList, extentOf, intersect } from '../../../src/region/index.js';
import { recheck } from '../../../src/sync/verify/recheck.js';

const sector = 512;
const deviceBytes = 100 * sector;
const everything = extentOf(0, deviceBytes);

/** Sectors by number, as a list of ranges. */
function sectors(...numbers: readonly number[]): ExtentList {
  return Float64Array.from(numbers.flatMap((number) => [number * sector, sector]));
}

interface Reading {
  readonly different?: ExtentList;
  readonly unreadable?: ExtentList;
  /** What the write detector says after it; default: nothing was written. */
  readonly written?: ExtentList | 'unknown';
}

const progress = { completedBytes: 0, durableBytes: 0 } as Progress;

function resultOf({ different, unreadable }: Reading, asked: ExtentList): CompareResult {
  return {
    progress,
    backend: 'threads',
    cancelled: false,
    differentRanges: intersect(different ?? emptyExtents, asked),
    unreadableRanges: intersect(unreadable ?? emptyExtents, asked),
  };
}

/** Settles with these readings, the last of them again and again; tells what was asked. */
async function rechecked(first: Reading, ...later: readonly Reading[]) {
  const asked: ExtentList[] = [];
  const reading = () => later[Math.min(asked.length, later.length) - 1] ?? first;
  const answers = await recheck(
    {
      cutBytes: 1,
      compare(extents) {
        asked.push(extents);
        const result = resultOf(reading(), extents);
        return { progress: () => progress, cancel: () => undefined, done: Promise.resolve(result) };
      },
    },
    { writtenSince: () => Promise.resolve(reading().written ?? emptyExtents) },
    { result: resultOf(first, everything), written: first.written ?? emptyExtents },
    { ioOptions: {}, signal: new AbortController().signal },
  );
  const { different, notProven } = answers;
  const { unreadable, changing, unstable } = notProven;
  return {
    different: [...different],
    unreadable: [...unreadable],
    changing: [...changing],
    unstable: [...unstable],
    rounds: asked.length,
    asked,
  };
}

const nothing = { different: [], unreadable: [], changing: [], unstable: [] };
const bare = ({ asked: _, rounds: __, ...answers }: Awaited<ReturnType<typeof rechecked>>) =>
  answers;

test('what is equal is not read again', async (t) => {
  t.is((await rechecked({})).rounds, 0);
});

test('what differs twice while nobody writes is different', async (t) => {
  const found = await rechecked({ different: sectors(3, 7) }, { different: sectors(3, 7) });
  t.deepEqual(bare(found), { ...nothing, different: [...sectors(3, 7)] });
  t.is(found.rounds, 1);
});

test('what differs once while nobody writes is unstable, also if it differs once more', async (t) => {
  const once = await rechecked({ different: sectors(3) }, {});
  t.deepEqual(bare(once), { ...nothing, unstable: [...sectors(3)] });
  const partly = await rechecked({ different: sectors(3, 4) }, { different: sectors(4) });
  t.deepEqual(bare(partly), { ...nothing, different: [...sectors(4)], unstable: [...sectors(3)] });
});

test('what was being written and then is equal is equal', async (t) => {
  const found = await rechecked({ different: sectors(3), written: everything }, {});
  t.deepEqual(bare(found), nothing);
  const later = await rechecked(
    { different: sectors(3) },
    { different: sectors(3), written: sectors(3) },
    {},
  );
  t.deepEqual(bare(later), nothing);
});

test('what was being written and then stays different is different', async (t) => {
  const found = await rechecked(
    { different: sectors(3), written: everything },
    { different: sectors(3), written: everything },
    { different: sectors(3) },
    { different: sectors(3) },
  );
  t.deepEqual(bare(found), { ...nothing, different: [...sectors(3)] });
  // The reading amid the last write does not count: two after it do.
  t.is(found.rounds, 3);
});

test('writes elsewhere do not matter', async (t) => {
  const found = await rechecked(
    { different: sectors(3), written: sectors(50) },
    { different: sectors(3), written: sectors(2) },
  );
  t.deepEqual(bare(found), { ...nothing, different: [...sectors(3)] });
});

test('what is written without end is not proven', async (t) => {
  const found = await rechecked({ different: sectors(3), written: everything });
  t.deepEqual(bare(found), { ...nothing, changing: [...sectors(3)] });
});

test('where nobody counts writes, a difference must last longer', async (t) => {
  const lasting = await rechecked({ different: sectors(3), written: 'unknown' });
  t.deepEqual(bare(lasting), { ...nothing, different: [...sectors(3)] });
  t.is(lasting.rounds, 3);
  const passing = await rechecked(
    { different: sectors(3), written: 'unknown' },
    { different: sectors(3), written: 'unknown' },
    { written: 'unknown' },
  );
  t.deepEqual(bare(passing), nothing);
});

test('what cannot be read is not equal, and not asked for again and again', async (t) => {
  const found = await rechecked({
    unreadable: sectors(8),
    different: sectors(3),
    written: everything,
  });
  t.deepEqual(bare(found), {
    ...nothing,
    unreadable: [...sectors(8)],
    changing: [...sectors(3)],
  });
  const times = found.asked.filter((list) => intersect(list, sectors(8)).length > 0).length;
  t.is(times, 2);
});

test('what can be read the second time is judged by what it holds', async (t) => {
  t.deepEqual(bare(await rechecked({ unreadable: sectors(8) }, {})), nothing);
  const found = await rechecked({ unreadable: sectors(8) }, { different: sectors(8) });
  t.deepEqual(bare(found), { ...nothing, different: [...sectors(8)] });
});

test('what differed and then cannot be read is unreadable', async (t) => {
  const found = await rechecked({ different: sectors(8) }, { unreadable: sectors(8) });
  t.deepEqual(bare(found), { ...nothing, unreadable: [...sectors(8)] });
});
