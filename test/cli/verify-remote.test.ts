/** Verification across hosts: over a real sshd, the far side answered for by `fastsync agent` alone. */

import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors } from '../engine/nbd.js';
import { fastsync } from '../support/fastsync.js';
import { fastverify, fastverifyJson, flipBits } from '../support/fastverify.js';
import { equalPair, replicaBytes } from '../support/replica.js';
import { attachLoop } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { during, firstOutput } from '../support/until.js';
import { type SshdOptions, startSshd } from '../support/sshd.js';

/** The first byte of a block that some file has, by debugfs. */
async function dataByte(image: string, file = 'large'): Promise<number> {
  const { stdout } = await execa('debugfs', ['-R', `blocks ${file}`, image]);
  return Number(stdout.trim().split(/\s+/)[7]) * 4096;
}

async function pairAcross(t: ExecutionContext, options: SshdOptions = {}) {
  const pair = await equalPair(t);
  const sshd = await startSshd(t, options);
  const wordsFor = (source: string, target: string) => [
    ...['--src', source, '--dst', `${sshd.host}:${target}`],
    ...[...pair.state, ...sshd.words],
  ];
  return { ...pair, sshd, wordsFor, words: wordsFor(pair.source, pair.target) };
}

test('equal is equal, and what differs is told in sectors, in used space only', async (t) => {
  const { source, target, words } = await pairAcross(t);
  const clean = await fastverifyJson(words);
  t.is(clean.exitCode, 0, clean.stderr);
  t.is(clean.summary.verdict, 'equal');
  const places = [(await dataByte(source)) + 77, (await dataByte(source, 'fragmented')) + 4095];
  await flipBits(
    target,
    places.map((at) => ({ at, bit: 3 })),
  );
  const found = await fastverifyJson(words);
  t.is(found.exitCode, 1);
  t.deepEqual(
    found.ranges.map(({ answer, start, length }) => [answer, start, length]).sort(),
    places.map((at) => ['different', at - (at % 512), 512]).sort(),
  );
  await flipBits(
    target,
    places.map((at) => ({ at, bit: 3 })),
  );
  const { stdout: free } = await execa('debugfs', ['-R', 'ffb 1', source]);
  const freeAt = Number(/(\d+)/.exec(free.split(':').at(-1) ?? '')?.[1]) * 4096;
  await flipBits(target, [{ at: freeAt, bit: 0 }]);
  const unused = await fastverifyJson([...words, '--algorithm', 'sha256']);
  t.is(unused.exitCode, 0, JSON.stringify(unused.ranges));
  const all = await fastverifyJson([...words, '--free', 'verify']);
  t.is(all.exitCode, 1);
  const holdsIt = all.ranges.some(
    ({ start, length }) => start <= freeAt && freeAt < start + length,
  );
  t.true(holdsIt);
});

for (const side of ['source', 'target'] as const) {
  test(`what the ${side} cannot read is not proven`, async (t) => {
    const { source, target, wordsFor } = await pairAcross(t);
    const at = await dataByte(source);
    const bad = await fileWithBadSectors(t, side === 'source' ? source : target, replicaBytes, [
      [at, 4096],
    ]);
    const words = side === 'source' ? wordsFor(bad, target) : wordsFor(source, bad);
    const { exitCode, ranges, stderr } = await fastverifyJson(words);
    t.is(exitCode, 3, stderr);
    t.deepEqual(
      ranges.map(({ cause, start, length }) => [cause, start, length]),
      [['unreadable', at, 4096]],
    );
  });
}

test('a smaller target misses what lies behind its end', async (t) => {
  const { target, words } = await pairAcross(t);
  await truncate(target, 24 * mebibyte);
  const { exitCode, ranges } = await fastverifyJson(words);
  t.is(exitCode, 1);
  t.true(ranges.length > 0);
  t.true(ranges.every(({ cause, start }) => cause === 'missing' && start >= 24 * mebibyte));
});

test('what is written over there during the run is not called different', async (t) => {
  const { source, target, wordsFor } = await pairAcross(t);
  const device = await attachLoop(t, target);
  const at = await dataByte(source);
  const script = `while printf x | dd of='${device}' bs=1 seek=${at} conv=notrunc oflag=sync status=none; do :; done`;
  const writer = execa('setpriv', ['--pdeathsig', 'KILL', 'bash', '-c', script], { reject: false });
  const { exitCode, ranges, summary } = await fastverifyJson(wordsFor(source, device));
  writer.kill('SIGKILL');
  await writer;
  t.is(exitCode, 3);
  t.true(ranges.every(({ answer }) => answer === 'not proven'));
  t.not(summary.verdict, 'equal');
});

test('a mounted source is verified against its replica over there', async (t) => {
  const { source, target, directory, wordsFor } = await pairAcross(t);
  const device = await attachLoop(t, source);
  const place = path.join(directory, 'mnt');
  await execa('mkdir', [place]);
  await execa('mount', [device, place]);
  t.teardown(() => execa('umount', ['-l', place], { reject: false }));
  // The mount itself has written to it.
  const seeded = await fastsync([
    ...['init', '--src', device, '--dst', target, '--online', '--yes'],
    ...['--state-dir', path.join(directory, 'state')],
  ]);
  t.is(seeded.exitCode, 0, String(seeded.stderr));
  const words = [...wordsFor(device, target), '--online', '--lag-tolerance', '1s'];
  const refused = await fastverifyJson(wordsFor(device, target));
  t.is(refused.exitCode, 4);
  const equal = await fastverifyJson(words);
  t.is(equal.exitCode, 0, JSON.stringify([equal.ranges, equal.stderr]));
  await writeFile(path.join(place, 'new'), 'not over there', { flush: true });
  const behind = await fastverifyJson(words);
  t.is(behind.exitCode, 1, behind.stderr);
});

test('ssh to oneself finds one’s own disk: refused', async (t) => {
  const { source, wordsFor } = await pairAcross(t);
  const { exitCode, stderr } = await fastverify(wordsFor(source, source));
  t.is(exitCode, 4);
  t.regex(String(stderr), /same storage/);
});

test('what keeps the other host from answering is one sentence, and exit code 6', async (t) => {
  const { source, target, sshd, state } = await pairAcross(t);
  const at = (host: string) => ['--src', source, '--dst', `${host}:${target}`, ...state];
  const there = [...at(sshd.host), ...sshd.ssh];
  const noHost = await fastverify([...at('nowhere.invalid'), ...sshd.words]);
  t.is(noHost.exitCode, 6);
  t.regex(String(noHost.stderr), /nowhere\.invalid/);
  const noProgram = await fastverify([...there, '--remote-command', '/no/such/fastsync']);
  t.is(noProgram.exitCode, 6);
  t.regex(String(noProgram.stderr), /\/no\/such\/fastsync/);
  const other = await fastverify([...there, '--remote-command', 'echo hello; true']);
  t.is(other.exitCode, 6);
  t.regex(String(other.stderr), /printed "hello"/);
  const older = 'printf "fastsync-protocol 0-0 0.0.1\\n"; cat >/dev/null; true';
  const skew = await fastverify([...there, '--remote-command', older]);
  t.is(skew.exitCode, 6);
  t.regex(String(skew.stderr), /has 0\.0\.1 \(protocol 0-0\)/);
  const noSsh = await fastverify([...at(sshd.host), '--ssh', '/no/such/ssh']);
  t.is(noSsh.exitCode, 6);
  for (const { stderr } of [noHost, noProgram, other, skew, noSsh]) {
    t.notRegex(String(stderr), /\n\s+at /);
  }
});

test('a far volume that is not there is the same failure as one here', async (t) => {
  const { source, target, wordsFor } = await pairAcross(t);
  const { exitCode, stderr } = await fastverify(wordsFor(source, `${target}.gone`));
  t.is(exitCode, 2);
  t.regex(String(stderr), /backup: .*gone/);
});

test('a greeting of the far shell is shown and does no harm', async (t) => {
  const { words } = await pairAcross(t, { greeting: 'Welcome to backup, behave' });
  const { exitCode, lines } = await fastverifyJson(words);
  t.is(exitCode, 0);
  t.true(lines.some(({ message }) => String(message).includes('Welcome to backup, behave')));
});

test('a key with a forced command opens that volume and runs nothing else', async (t) => {
  const pair = await equalPair(t);
  const agent = `${process.execPath} ${path.resolve('dist/program/fastsync.mjs')} agent --only ${pair.target}`;
  const sshd = await startSshd(t, { keyOptions: `restrict,command="${agent}"` });
  const to = (target: string) => [
    ...['--src', pair.source, '--dst', `backup:${target}`, ...pair.state, ...sshd.words],
  ];
  t.is((await fastverifyJson(to(pair.target))).exitCode, 0);
  const other = await fastverify(to(pair.source));
  t.is(other.exitCode, 4);
  t.regex(String(other.stderr), /may open .* only/);
  const trace = path.join(pair.directory, 'trace');
  const hostile = `touch ${trace}; $(touch ${trace}) | touch ${trace}`;
  await execa('ssh', ['-F', sshd.config, 'backup', hostile], { reject: false, input: '' });
  t.true((await execa('test', ['-e', trace], { reject: false })).failed);
});

/** The ssh of a run, as soon as it has one. */
async function sshOf(run: PromiseLike<unknown> & { readonly pid?: number }): Promise<number> {
  let pid = 0;
  await during(run, async () => {
    const words = ['-P', String(run.pid), '-x', 'ssh'];
    pid = Number((await execa('pgrep', words, { reject: false })).stdout);
    return pid > 0;
  });
  return pid;
}

test('ssh that is killed ends the run with 6, and the next run says the same as any', async (t) => {
  const { words } = await pairAcross(t);
  const run = fastverify([...words, '--json', '--bwlimit', '64K'], { buffer: false });
  process.kill(await sshOf(run), 'SIGKILL');
  t.is((await run).exitCode, 6);
  t.is((await fastverifyJson(words)).exitCode, 0);
});

test('ssh that is stopped ends the run with 6, and is gone', async (t) => {
  const { words } = await pairAcross(t);
  const run = fastverify([...words, '--json', '--bwlimit', '64K', '--peer-timeout', '20s']);
  // The first line comes when both sides are open.
  await firstOutput(run);
  const pid = await sshOf(run);
  process.kill(pid, 'SIGSTOP');
  const { exitCode, stderr } = await run;
  t.is(exitCode, 6, String(stderr));
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('Ctrl-C ends it with 5', async (t) => {
  const { words } = await pairAcross(t);
  const run = fastverify([...words, '--json', '--bwlimit', '64K']);
  await firstOutput(run);
  run.kill('SIGINT');
  t.is((await run).exitCode, 5);
});

test('what another host cannot do is a usage error', async (t) => {
  const { source, target, words } = await pairAcross(t);
  for (const [wrong, sentence] of [
    [['--src', `backup:${source}`, '--dst', target], /run the command there/],
    [['--src', source, '--dst', 'backup:relative'], /not the address/],
    [['--src', source, '--dst', 'ssh://user:secret@host/x'], /not the address/],
    [['--src', source, '--dst=-oProxyCommand=x:/x'], /not the address/],
    [[...words, '--algorithm', 'xxh64'], /across hosts/],
  ] as const) {
    const { exitCode, stderr } = await fastverify(wrong);
    t.is(exitCode, 2, String(stderr));
    t.regex(String(stderr), sentence);
  }
  const live = await fastsync(['live', '--src', source, '--dst', 'backup:/x', '--yes']);
  t.is(live.exitCode, 2, String(live.stderr));
});
