/** Verifications that stop and go on: by --max-time, by Ctrl-C, by kill -9; and what they must not believe. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import {
  cursorBeyond,
  fastverify,
  fastverifyJson,
  flipBits,
  savedState,
} from '../support/fastverify.js';
import { equalPair, type ReplicaRecord, replicaBytes } from '../support/replica.js';
import { mebibyte } from '../support/seeding.js';

/** A piece of work, after which the state is saved, is then of 4 MiB. */
const slowly = ['--bwlimit', '1M'];

/** Bytes of the first and the last block of a file, by debugfs. */
async function fileEnds(image: string, file = 'large'): Promise<readonly [number, number]> {
  const { stdout } = await execa('debugfs', ['-R', `blocks ${file}`, image]);
  const blocks = stdout.trim().split(/\s+/).map(Number);
  return [Math.min(...blocks) * 4096, Math.max(...blocks) * 4096];
}

/** Starts a verification and stops it behind that byte; says how it ended. */
async function stoppedBehind(
  { words, directory }: ReplicaRecord,
  bytes: number,
  signal: 'SIGKILL' | 'SIGINT',
) {
  const child = fastverify([...words, ...slowly, '--json'], { stderr: 'ignore' });
  await cursorBeyond(child, directory, bytes);
  child.kill(signal);
  return child;
}

/** Runs one night after another, until the volume was gone through; each goes on where the last stopped. */
async function nights(t: ExecutionContext, words: readonly string[], most = 100) {
  const results: Awaited<ReturnType<typeof fastverifyJson>>[] = [];
  let place: unknown = 0;
  do {
    const night = await fastverifyJson([...words, '--bwlimit', '8M', '--max-time', '1s']);
    t.is(night.summary.resumedAtBytes, place, night.stderr);
    place = night.summary.stoppedAtBytes;
    results.push(night);
  } while (place !== null && results.length < most);
  return results;
}

test.serial(
  'a volume is covered over several nights; what was found is looked at again',
  async (t) => {
    const { source, target, directory, words } = await equalPair(t);
    const flip = { at: (await fileEnds(source))[0], bit: 3 };
    await flipBits(target, [flip]);
    const found = await nights(t, words);
    t.true(found.length > 1);
    const hit = found.findIndex(({ ranges }) => ranges.length > 0);
    for (const [index, { exitCode, ranges, summary }] of found.entries()) {
      // From the night that came upon it, every night says so.
      t.is(exitCode, index < hit ? 3 : 1);
      t.deepEqual(
        ranges.map(({ start }) => start),
        index < hit ? [] : [flip.at],
      );
      t.is(summary.verdict, index < hit ? 'not proven' : 'different');
    }
    // The next pass: it is mended after it was found again.
    let night = await fastverifyJson([...words, '--bwlimit', '8M', '--max-time', '1s']);
    while (night.exitCode !== 1)
      night = await fastverifyJson([...words, '--bwlimit', '8M', '--max-time', '1s']);
    await flipBits(target, [flip]);
    const rest = await fastverifyJson([...words, '--max-time', '10m']);
    t.deepEqual([rest.exitCode, rest.ranges], [0, []], rest.stderr);
    t.true(Number(rest.summary.resumedAtBytes) > flip.at);
    // Its own proof is as new as this run, the oldest is not.
    const state = (await savedState(directory))?.state;
    const part = state?.proofAges.find(({ endBytes }) => endBytes > flip.at);
    t.true(Number(part?.provenAt) > Date.parse(String(rest.summary.oldestProof)));
    t.deepEqual(state?.unfinished, []);
  },
);

test.serial('killed, it goes on where it was, and compares nothing twice', async (t) => {
  const replica = await equalPair(t);
  t.is((await stoppedBehind(replica, 2 * mebibyte, 'SIGKILL')).signal, 'SIGKILL');
  const { exitCode, summary, lines } = await fastverifyJson(replica.words);
  t.is(exitCode, 0);
  t.true(Number(summary.resumedAtBytes) > 2 * mebibyte);
  t.true(Number(summary.comparedBytes) < Number(summary.workBytes));
  t.true(lines.some(({ code }) => code === 'RESUME'));
});

test.serial('Ctrl-C ends it with a summary and exit code 5', async (t) => {
  const replica = await equalPair(t);
  const { exitCode, stdout } = await stoppedBehind(replica, 0, 'SIGINT');
  t.is(exitCode, 5);
  const summary = JSON.parse(String(stdout).trim().split('\n').at(-1) ?? '') as object;
  t.like(summary, { type: 'summary', outcome: 'interrupted', exitCode: 5 });
  t.is((await fastverifyJson(replica.words)).exitCode, 0);
});

test.serial('what a killed run found before it was killed is not forgotten', async (t) => {
  const replica = await equalPair(t);
  const flip = { at: 1024 + 300, bit: 1 };
  await flipBits(replica.target, [flip]);
  await stoppedBehind(replica, 2 * mebibyte, 'SIGKILL');
  const { exitCode, ranges, summary } = await fastverifyJson(replica.words);
  t.true(Number(summary.resumedAtBytes) > 0);
  t.is(exitCode, 1);
  t.deepEqual(
    ranges.map(({ start, what }) => [start, what]),
    [[1024, 'superblock']],
  );
});

for (const side of ['source', 'target'] as const) {
  test.serial(`a ${side} that was written since is compared from the beginning`, async (t) => {
    const replica = await equalPair(t);
    await stoppedBehind(replica, 2 * mebibyte, 'SIGKILL');
    await flipBits(replica[side], [{ at: 1024 + 300, bit: 1 }]);
    if (side === 'source') await flipBits(replica.source, [{ at: 1024 + 300, bit: 1 }]);
    const { exitCode, summary, lines } = await fastverifyJson(replica.words);
    t.is(summary.resumedAtBytes, 0);
    t.is(exitCode, side === 'source' ? 0 : 1);
    t.true(lines.some(({ message }) => String(message).startsWith('starting over')));
  });
}

test.serial('a write while it ran is not forgotten by the run that goes on', async (t) => {
  const replica = await equalPair(t);
  const child = fastverify([...replica.words, ...slowly], { stdout: 'ignore', stderr: 'ignore' });
  await cursorBeyond(child, replica.directory, 2 * mebibyte);
  await flipBits(replica.target, [{ at: 1024 + 300, bit: 1 }]);
  const { state } = (await savedState(replica.directory)) ?? {};
  await cursorBeyond(child, replica.directory, state?.unfinished[0]?.cursorBytes ?? 0);
  child.kill('SIGKILL');
  await child;
  const { exitCode, summary } = await fastverifyJson(replica.words);
  t.is(exitCode, 1);
  t.is(summary.resumedAtBytes, 0);
});

test.serial(
  'a run that goes on tomorrow is not forgotten for a look at a part today',
  async (t) => {
    const replica = await equalPair(t);
    const nightly = [...replica.words, '--max-time', '1h'];
    const child = fastverify([...nightly, ...slowly], { stdout: 'ignore', stderr: 'ignore' });
    await cursorBeyond(child, replica.directory, 2 * mebibyte);
    child.kill('SIGKILL');
    await child;
    const flip = { at: 1024 + 300, bit: 1 };
    await flipBits(replica.target, [flip]);
    const byHand = await fastverifyJson([...replica.words, '--stop', '1M']);
    t.is(byHand.exitCode, 1);
    t.is((await fastverifyJson([...replica.words, '--start', '1M', '--stop', '2M'])).exitCode, 0);
    const { exitCode, ranges, summary } = await fastverifyJson(nightly);
    t.true(Number(summary.resumedAtBytes) > 2 * mebibyte);
    t.is(exitCode, 1);
    t.deepEqual(
      ranges.map(({ start }) => start),
      [1024],
    );
  },
);

test.serial('what was compared of used space is no proof of all of it', async (t) => {
  const replica = await equalPair(t);
  await stoppedBehind(replica, 2 * mebibyte, 'SIGKILL');
  const { summary } = await fastverifyJson([...replica.words, '--whole']);
  t.is(summary.resumedAtBytes, 0);
  t.is(summary.comparedBytes, replicaBytes);
});

test.serial('a state that anything may have happened to is none', async (t) => {
  const replica = await equalPair(t);
  const { directory, words } = replica;
  await stoppedBehind(replica, 2 * mebibyte, 'SIGKILL');
  const saved = await savedState(directory);
  if (saved === null) throw new Error('nothing was saved');
  const { file, state } = saved;
  const changed = (change: object) => JSON.stringify({ ...state, ...change });
  const unfinished = (change: object) =>
    changed({ unfinished: [{ ...state.unfinished[0], ...change }] });
  const contents: readonly string[] = [
    '',
    '{"schema":"fastsync-verify/1"',
    'null',
    '[]',
    changed({ schema: 'fastsync-verify/0' }),
    changed({
      deviceBytes: replicaBytes * 2,
      proofAges: [{ endBytes: replicaBytes * 2, provenAt: 1 }],
    }),
    changed({ proofAges: [{ endBytes: replicaBytes, provenAt: 1e300 }] }),
    changed({ proofAges: [null] }),
    unfinished({ cursorBytes: -1 }),
    unfinished({ cursorBytes: replicaBytes * 4, stopBytes: replicaBytes * 4 }),
    unfinished({ cursorBytes: 2 ** 80 }),
    unfinished({ suspects: [4096] }),
    unfinished({ suspects: [8192, 10, 4096, 10] }),
    unfinished({ suspects: ['0', 5] }),
    unfinished({ writeCounters: 'none' }),
    unfinished({ writeCounters: [] }),
    changed({ unfinished: undefined }),
    changed({ unfinished: [null] }),
    changed({ unfinished: Array(17).fill(state.unfinished[0]) }),
  ];
  for (const content of contents) {
    await writeFile(file, content);
    const { exitCode, summary, stderr } = await fastverifyJson(words);
    t.is(exitCode, 0, `${content}\n${stderr}`);
    t.is(summary.resumedAtBytes, 0, content);
  }
  await rm(file);
  await mkdir(file);
  const { exitCode, summary } = await fastverifyJson(words);
  t.is(exitCode, 2);
  t.is((summary.error as { code: string }).code, 'STATE_UNUSABLE');
});
