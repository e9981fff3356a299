/** A copy to another host whose connection is cut, again and again: it resumes by itself, and ends equal. */

import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { pausableFile } from '../engine/nbd.js';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson, flipBits } from '../support/fastverify.js';
import { seededRandom } from '../support/random.js';
import { equalPair, ext4, smallXfs } from '../support/replica.js';
import { type Kind, makePair, mebibyte } from '../support/seeding.js';
import { startSshd } from '../support/sshd.js';

/** An ssh that lets so many bytes through to the other host, on its first connections. */
async function cuttingSsh(
  directory: string,
  config: string,
  cuts: readonly number[],
): Promise<string> {
  const file = path.join(directory, 'cutting-ssh');
  const count = path.join(directory, 'connections');
  await writeFile(count, '');
  const script = `#!/bin/bash
printf . >> '${count}'
cuts=(${cuts.join(' ')})
connection=$(wc -c < '${count}')
limit=\${cuts[connection - 1]}
[ -z "$limit" ] && exec ssh -F '${config}' "$@"
stdbuf -o0 head -c "$limit" | ssh -F '${config}' "$@"
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  return file;
}

const connections = async (directory: string) =>
  (await readFile(path.join(directory, 'connections'))).length;

async function across(t: ExecutionContext, kind: Kind, cuts: readonly number[]) {
  const sshd = await startSshd(t);
  const pair = await makePair(t, kind, 64 * mebibyte);
  const ssh = await cuttingSsh(pair.directory, sshd.config, cuts);
  const [, , ...rest] = sshd.words;
  const words = [
    ...['init', '--src', pair.source, '--dst', `${sshd.host}:${pair.target}`],
    ...[...pair.state, '--ssh', ssh, ...rest, '--yes', '--checkpoint-interval', '10'],
  ];
  return { ...pair, words };
}

for (const [name, kind] of Object.entries({ ext4, xfs: smallXfs })) {
  test(`${name}: cut three times on the way`, async (t) => {
    const random = seededRandom(t, 1200);
    const cuts = [1, 2, 3].map(() => random.between(mebibyte, 12 * mebibyte));
    const { directory, source, target, words } = await across(t, kind, cuts);
    const { exitCode, stderr, lines } = await fastsyncJson(words);
    t.is(exitCode, 0, stderr);
    t.is(await connections(directory), 4);
    t.is(lines.filter(({ code }) => code === 'LINK_RETRY').length, 3);
    const [fsck, ...options] = kind.fsck;
    await execa(fsck, [...options, target]);
    const state = ['--state-dir', path.join(directory, 'verify')];
    const { summary } = await fastverifyJson(['--src', source, '--dst', target, ...state]);
    t.is(summary.verdict, 'equal');
  });
}

test('without time to retry a cut ends the run, and the same command resumes', async (t) => {
  const { directory, target, words } = await across(t, ext4, [4 * mebibyte]);
  const cut = await fastsyncJson([...words, '--retry-for', '0']);
  t.is(cut.exitCode, 6, cut.stderr);
  t.like(cut.summary.error, { code: 'LINK_LOST' });
  t.is(await connections(directory), 1);
  const { exitCode } = await execa('blkid', ['-p', target], { reject: false });
  t.is(exitCode, 2, 'and what is there looks like nothing');
  const [, ...rest] = words.filter((word) => word !== '--yes');
  const resumed = await fastsyncJson(['init', ...rest]);
  t.is(resumed.exitCode, 0, resumed.stderr);
  await execa('e2fsck', ['-fn', target]);
});

test('one of two targets is cut off: the other is completed, and the same command seeds it', async (t) => {
  const { directory, target, words } = await across(t, ext4, [4 * mebibyte]);
  const near = path.join(directory, 'near.img');
  const both = [...words, '--dst', near];
  const cut = await fastsyncJson([...both, '--retry-for', '0']);
  t.is(cut.exitCode, 3, cut.stderr);
  await execa('e2fsck', ['-fn', near]);
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);
  const again = await fastsyncJson(both);
  t.is(again.exitCode, 0, again.stderr);
  await execa('e2fsck', ['-fn', target]);
});

test('a disk over there that stalls is given up where there is a limit', async (t) => {
  const sshd = await startSshd(t);
  const { source, target, state } = await makePair(t, ext4, 64 * mebibyte);
  const paused = await pausableFile(t, target);
  const { stdout } = await execa('stat', ['--format=%s', paused.file]);
  t.is(Number(stdout), 64 * mebibyte);
  const words = ['init', '--src', source, '--dst', `${sshd.host}:${paused.file}`, ...state];
  const slow = ['--bwlimit', '2M', '--checkpoint-interval', '10'];
  const run = fastsync([
    ...words,
    ...sshd.words,
    ...slow,
    '--yes',
    '--io-timeout',
    '20s',
    '--json',
  ]);
  await checkpointBeyond(run, path.dirname(source), 0);
  await paused.pause();
  const { exitCode, stdout: lines } = await run;
  await paused.resume();
  t.is(exitCode, 3, String(lines));
  t.regex(String(lines), /it has not answered for 20 s, the limit/);
});

test('a host that cannot be reached is told at once', async (t) => {
  const { directory, words } = await across(t, ext4, [60]);
  const { exitCode, summary } = await fastsyncJson(words);
  t.is(exitCode, 6);
  t.is((summary.error as { code: string }).code, 'LINK_LOST');
  t.is(await connections(directory), 1);
});

test('--repair across hosts writes what differs, on a replica only', async (t) => {
  const pair = await equalPair(t);
  const sshd = await startSshd(t);
  const across = [...pair.state, ...sshd.words];
  const words = ['--src', pair.source, '--dst', `${sshd.host}:${pair.target}`, ...across];
  const before = await readFile(pair.target);
  const random = seededRandom(t, 1201);
  const found = await fastverifyJson(['--src', pair.source, '--dst', pair.target, ...pair.state]);
  t.is(found.summary.verdict, 'equal');
  const flips = Array.from({ length: 40 }, () => ({
    at: random.between(2 ** 20, before.length),
    bit: 1,
  }));
  await flipBits(pair.target, flips);
  const repaired = await fastverifyJson([...words, '--repair']);
  t.is(repaired.exitCode, 0, repaired.stderr);
  await execa('e2fsck', ['-fn', pair.target]);
  t.is((await fastverifyJson(words)).summary.verdict, 'equal');
  const other = await makePair(t, smallXfs, 64 * mebibyte);
  const foreign = ['--src', pair.source, '--dst', `${sshd.host}:${other.source}`, ...across];
  const content = await readFile(other.source);
  const refused = await fastverifyJson([...foreign, '--repair']);
  t.is(refused.exitCode, 4, refused.stderr);
  t.like(refused.summary.error, { code: 'NOT_A_REPLICA' });
  t.true(content.equals(await readFile(other.source)));
});
