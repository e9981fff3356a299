/** What a verification leaves for the next: also what it found in doubt after it had entered it as proven. */

import path from 'node:path';
import test from 'ava';
import { extentOf } from '../../../src/region/index.js';
import { VerifyState, withdrawProofs } from '../../../src/sync/verify/verify-state.js';
import { volumeComparator } from '../../../src/sync/verify/comparator.js';
import { oldestProof } from '../../../src/sync/verify/proof-ages.js';
import { type Span, spanned } from '../../../src/sync/verify/span.js';
import {
  mostUnfinished,
  type Unfinished,
  type VerifyStateRecord,
  VerifyStateFile,
} from '../../../src/sync/verify/state-record.js';
import { verify } from '../../../src/sync/verify/verify.js';
import { openVolume } from '../../../src/volume/index.js';
import { flipBits } from '../../support/fastverify.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';

const deviceBytes = 1024 * 1024;
const cursorBytes = deviceBytes / 2;
const span = { startBytes: 0, stopBytes: deviceBytes };
const everything = extentOf(0, deviceBytes);
const sector = 512;
/** Before the cursor, and across it. */
const doubts = Float64Array.of(65_536, sector, cursorBytes - sector, 2 * sector);

/** The state that a run leaves whose time was up: all before the cursor proven, as it believed. */
async function stopped(directory: string): Promise<VerifyStateFile> {
  const file = new VerifyStateFile(directory, 'left', 'right');
  const unfinished = { ...span, cursorBytes, suspects: [], writeCounters: [null] };
  const proofAges = [
    { endBytes: cursorBytes, provenAt: 1000 },
    { endBytes: deviceBytes, provenAt: 500 },
  ];
  await file.save({ deviceBytes, proofAges, unfinished: [unfinished] });
  return file;
}

/** Two volumes that differ in one bit before the cursor. */
async function flippedPair(directory: string): Promise<readonly [string, string]> {
  const [left, right] = [path.join(directory, 'left'), path.join(directory, 'right')];
  for (const file of [left, right]) await sparseFile(file, deviceBytes);
  await flipBits(right, [{ at: 65_536 + 100, bit: 2 }]);
  return [left, right];
}

/** A run with a time limit, and time enough. */
async function verifyPart(
  [left, right]: readonly [string, string],
  state: VerifyStateFile,
  part: Span,
) {
  await using source = await openVolume(left);
  await using target = await openVolume(right);
  return await verify({
    comparator: volumeComparator(source, target),
    detector: { writtenSince: () => Promise.resolve(new Float64Array(0)) },
    workList: spanned(everything, part),
    span: part,
    deviceBytes,
    writeCounters: [null],
    state,
    options: { ioOptions: {}, resume: true, maxMs: 3_600_000 },
    reporter: { report: () => undefined },
    signal: new AbortController().signal,
  });
}

test('what was found in doubt at the end of a run is asked again by the one that goes on', async (t) => {
  const directory = await scratchDirectory(t);
  const state = await stopped(directory);
  t.is(await withdrawProofs(state, doubts, span), null);
  t.deepEqual((await state.load())?.unfinished[0]?.suspects, [
    65_536,
    sector,
    cursorBytes - sector,
    sector,
  ]);

  const result = await verifyPart(await flippedPair(directory), state, span);
  t.is(result.resumedAtBytes, cursorBytes);
  t.is(result.stoppedAtBytes, null);
  t.deepEqual([...result.different], [65_536, sector]);
  t.is(result.reachedBytes, deviceBytes);
});

test('a look at a part leaves the run over the whole where it is, and what it finds to it', async (t) => {
  const directory = await scratchDirectory(t);
  const state = await stopped(directory);
  const pair = await flippedPair(directory);
  const found = Float64Array.of(65_536, sector);
  for (const part of [
    { startBytes: 4096, stopBytes: 131_072 },
    { startBytes: cursorBytes, stopBytes: deviceBytes },
  ]) {
    const { resumedAtBytes, stoppedAtBytes } = await verifyPart(pair, state, part);
    t.deepEqual([resumedAtBytes, stoppedAtBytes], [part.startBytes, null]);
  }
  const { unfinished = [] } = (await state.load()) ?? {};
  t.deepEqual(unfinished, [{ ...span, cursorBytes, suspects: [...found], writeCounters: [null] }]);
  const result = await verifyPart(pair, state, span);
  t.is(result.resumedAtBytes, cursorBytes);
  t.deepEqual(result.different, found);
  t.deepEqual((await state.load())?.unfinished, []);
});

test('of runs on many parts the latest are remembered', async (t) => {
  const directory = await scratchDirectory(t);
  const state = await stopped(directory);
  const saved = (await state.load()) as VerifyStateRecord;
  const many = Array.from({ length: mostUnfinished }, (_, index) => ({
    ...(saved.unfinished[0] as Unfinished),
    startBytes: index * sector,
  }));
  await state.save({ ...saved, unfinished: many });
  const part = { startBytes: 0, stopBytes: deviceBytes - sector };
  const verifyState = await VerifyState.open({
    file: state,
    span: part,
    deviceBytes,
    resume: true,
    mayHaveChanged: true,
    writeCounters: [null],
    reporter: { report: () => undefined },
  });
  await verifyState.save(false);
  const starts = (await state.load())?.unfinished.map(({ startBytes, stopBytes }) => [
    startBytes,
    stopBytes,
  ]);
  t.deepEqual(starts, [
    [0, deviceBytes - sector],
    ...many.slice(0, -1).map(({ startBytes }) => [startBytes, deviceBytes]),
  ]);
});

test('what was found in doubt has no proof; where nothing was, all stays as it is', async (t) => {
  const state = await stopped(await scratchDirectory(t));
  const before = await state.load();
  t.is(await withdrawProofs(state, new Float64Array(0), span), 500);
  t.deepEqual(await state.load(), before);
  await withdrawProofs(state, doubts, span);
  const proofAges = (await state.load())?.proofAges ?? [];
  t.is(oldestProof(proofAges, 65_536, 65_536 + sector), null);
  t.is(oldestProof(proofAges, 0, 65_536), 1000);
  t.is(oldestProof(proofAges, cursorBytes + sector, deviceBytes), 500);
});
