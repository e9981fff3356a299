/** `fastsync init` onto another host: what is refused there, by whom, and that nothing was written. */

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { otherHost } from '../support/far.js';
import {
  checkpointBeyond,
  fastsync,
  fastsyncBin,
  fastsyncJson,
  type JsonLine,
} from '../support/fastsync.js';
import { endingWithUs } from '../support/lifetime.js';
import { onlineKinds, onlineSource } from '../support/online.js';
import { equalPair, ext4, replicaBytes } from '../support/replica.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte, proveSame } from '../support/seeding.js';
import type { SshdOptions } from '../support/sshd.js';
import { firstOutput } from '../support/until.js';

/** A source, and a target over there that holds data. */
async function farPair(t: ExecutionContext, options: SshdOptions = {}) {
  const pair = await equalPair(t);
  const host = await otherHost(t, options);
  const words = (target: string, source = pair.source) =>
    host.initWords(source, [host.far(target)], pair.state);
  return { ...pair, ...host, words };
}

/** The key of a user who may run this agent and nothing else. */
const forced = (...words: readonly string[]): SshdOptions => ({
  keyOptions: `restrict,command="${[process.execPath, fastsyncBin, 'agent', ...words].join(' ')}"`,
});

const errorOf = (summary: JsonLine) => summary.error as { code: string; message: string };

/** Runs what has to be refused, and proves that the target has stayed as it is. */
async function refused(
  t: ExecutionContext,
  words: readonly string[],
  {
    target,
    exitCode,
    code,
    says,
  }: { target: string; exitCode: number; code?: string; says: RegExp },
) {
  const before = await readFile(target);
  const run = await fastsyncJson(words);
  t.is(run.exitCode, exitCode, run.stderr);
  if (code !== undefined) t.is(errorOf(run.summary).code, code);
  t.regex(run.stderr, says);
  t.notRegex(run.stderr, /\n\s+at |bug/);
  t.true((await readFile(target)).equals(before), 'nothing was written');
}

test.serial(
  'a target that holds data: refused without --yes, which is the only word it takes',
  async (t) => {
    const { target, source, words } = await farPair(t);
    await refused(t, words(target), { target, exitCode: 4, says: /TARGET_HAS_DATA.*backup:/s });
    const { exitCode, stderr } = await fastsyncJson([...words(target), '--yes']);
    t.is(exitCode, 0, stderr);
    await proveSame(t, ext4, source, target);
  },
);

test.serial('a target that is mounted over there', async (t) => {
  const { target, source, words } = await farPair(t);
  const device = await attachLoop(t, target);
  const mount = await mounted(t, device);
  await writeFile(path.join(mount.directory, 'precious'), 'in use', { flush: true });
  const { exitCode, stderr } = await fastsyncJson([...words(device), '--yes']);
  t.is(exitCode, 4, stderr);
  t.regex(stderr, /backup:\S+ is mounted/);
  t.is(await readFile(path.join(mount.directory, 'precious'), 'utf8'), 'in use');
  await mount.unmount();
  const after = await fastsyncJson([...words(device), '--yes']);
  t.is(after.exitCode, 0, after.stderr);
  await proveSame(t, ext4, source, target);
});

test.serial('a device that is too small, and as much as fits on it', async (t) => {
  const { directory, words } = await farPair(t);
  const image = await sparseFile(path.join(directory, 'small'), 24 * mebibyte);
  const device = await attachLoop(t, image);
  await refused(t, [...words(device), '--yes'], {
    target: image,
    exitCode: 4,
    says: /TARGET_TOO_SMALL.*backup:/s,
  });
  const cut = await fastsyncJson([...words(device), '--yes', '--allow-small-target']);
  t.is(cut.exitCode, 3, cut.stderr);
  t.is(cut.summary.outcome, 'incomplete');
});

test.serial('what is in the way over there ends the run as it does here', async (t) => {
  const { directory, target, source, state, words } = await farPair(t);
  const readOnly = await attachLoop(t, target, ['--read-only']);
  const full = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=2m,ro']);
  for (const place of [
    readOnly,
    path.join(directory, 'missing', 'target'),
    path.join(full.directory, 'target'),
    directory,
    '/dev/null',
    path.join(source, 'target'),
  ]) {
    const here = await fastsyncJson(['init', '--src', source, '--dst', place, ...state, '--yes']);
    const there = await fastsyncJson([...words(place), '--yes']);
    t.not(here.exitCode, 0, place);
    t.is(there.exitCode, here.exitCode, `${place}: ${here.stderr}${there.stderr}`);
    t.is(errorOf(there.summary).code, errorOf(here.summary).code, place);
    t.true(there.stderr.includes(place), there.stderr);
    t.regex(there.stderr, /backup: |backup:\//);
    t.notRegex(there.stderr, /\n\s+at |bug/);
  }
});

test.serial(
  'a disk that is full over there: the other target is finished, and this one is named',
  async (t) => {
    const { directory, source, state, far, initWords } = await farPair(t);
    const full = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=4m']);
    const failing = path.join(full.directory, 'target');
    const good = path.join(directory, 'good.img');
    const words = initWords(source, [far(failing), far(good)], state);
    const { exitCode, summary, stderr } = await fastsyncJson([...words, '--yes']);
    t.is(exitCode, 3, stderr);
    const targets = summary.targets as { path: string; failure: { errno?: string } | null }[];
    t.deepEqual(
      targets.map(({ path: name, failure }) => [name, failure === null]),
      [
        [far(failing), false],
        [far(good), true],
      ],
    );
    t.is((await execa('blkid', ['-p', failing], { reject: false })).exitCode, 2);
    await proveSame(t, ext4, source, good);
    const alone = await fastsync([...initWords(source, [far(failing)], state), '--yes']);
    t.is(alone.exitCode, 3, String(alone.stderr));
    t.true(`${String(alone.stdout)}${String(alone.stderr)}`.includes(far(failing)));
  },
);

test.serial('a target that another run writes, from here or over there', async (t) => {
  const { directory, source, target, state, far, initWords, words } = await farPair(t);
  const alias = await attachLoop(t, target);
  const slow = ['--yes', '--allow-busy-target', '--bwlimit', '256K', '--chunk', '64K'];
  for (const run of [words(target), ['init', '--src', source, '--dst', target, ...state]]) {
    const child = fastsync([...run, ...slow, '--checkpoint-interval', '50']);
    t.teardown(async () => {
      child.kill('SIGKILL');
      await child;
    });
    await checkpointBeyond(child, directory, 0);
    const elsewhere = ['--state-dir', path.join(directory, 'elsewhere')];
    for (const name of [target, alias]) {
      const second = initWords(source, [far(name)], elsewhere);
      const { exitCode, summary, stderr } = await fastsyncJson([...second, '--yes']);
      t.is(exitCode, 7, stderr);
      t.is(errorOf(summary).code, 'LOCKED');
      const { message } = errorOf(summary);
      t.regex(message, /^backup: .* another run, process \d+ \(fastsync (agent|init)/);
      t.true(message.includes(name), message);
    }
    child.kill('SIGINT');
    t.is((await child).exitCode, 5);
    await execa('rm', ['-rf', path.join(directory, 'state')]);
  }
  const after = await fastsyncJson([...words(target), '--yes', '--allow-busy-target']);
  t.is(after.exitCode, 0, after.stderr);
});

test.serial('who uses a target is told, whatever bytes their names are of', async (t) => {
  const { directory, target, words } = await farPair(t);
  const script = `printf 'o\\to\\033c' >/proc/$$/comm; exec 9<>'${target}'; echo open; read -r _`;
  const writer = execa(...endingWithUs('bash', ['-c', script]), { reject: false });
  t.teardown(async () => {
    writer.kill('SIGKILL');
    await writer;
  });
  await firstOutput(writer);
  await refused(t, [...words(target), '--yes'], {
    target,
    exitCode: 4,
    says: /TARGET_IN_USE.*in use: o\?o\?c \(pid \d+\) has it open for writing/,
  });
  writer.stdin.end();
  await writer;
  const place = path.join(directory, 'two\nlines\u001b[2J');
  await mkdir(place);
  await execa('mount', ['-o', 'loop', target, place]);
  t.teardown(() => execa('umount', [place], { reject: false }));
  const { exitCode, stderr } = await fastsyncJson([...words(target), '--yes']);
  t.is(exitCode, 4, stderr);
  t.regex(stderr, /TARGET_MOUNTED.*two\?lines\?\[2J/);
});

test.serial('ssh to oneself onto the source, by any of its names', async (t) => {
  const { source, words } = await farPair(t);
  const one = await attachLoop(t, source);
  const other = await attachLoop(t, source);
  for (const [from, to] of [
    [source, source],
    [one, one],
    [one, source],
    [source, one],
    [one, other],
  ] as const) {
    await refused(t, [...words(to, from), '--yes'], {
      target: source,
      exitCode: 4,
      says: /SAME_STORAGE.*same storage/s,
    });
  }
});

test.serial('ssh to oneself onto the file system that is to be frozen', async (t) => {
  const source = await onlineSource(t, onlineKinds.ext4);
  const { far, initWords } = await otherHost(t);
  const existing = await sparseFile(path.join(source.directory, 'existing'), mebibyte);
  for (const target of [existing, path.join(source.directory, 'new')]) {
    const words = initWords(source.device, [far(target)], source.state);
    const { exitCode, stderr } = await fastsyncJson([...words, '--online', '--yes']);
    t.is(exitCode, 4, stderr);
    t.regex(stderr, /SAME_STORAGE/);
  }
  await t.throwsAsync(stat(path.join(source.directory, 'new')), { code: 'ENOENT' });
});

test.serial('one target by two names', async (t) => {
  const { directory, source, target, state, far, initWords } = await farPair(t);
  const device = await attachLoop(t, target);
  const fresh = path.join(directory, 'fresh');
  for (const targets of [
    [far(target), far(target)],
    [target, far(target)],
    [far(target), device],
    [far(device), far(target)],
    [far(fresh), far(fresh)],
    [far(fresh), fresh],
  ]) {
    // The loop device has it open.
    const allowed = ['--yes', '--allow-busy-target'];
    await refused(t, [...initWords(source, targets, state), ...allowed], {
      target,
      exitCode: 4,
      says: /same storage/,
    });
  }
  await t.throwsAsync(stat(fresh), { code: 'ENOENT' });
});

test.serial('an agent for one volume serves no other', async (t) => {
  const directory = await scratchDirectory(t);
  const only = await sparseFile(path.join(directory, 'only.img'), replicaBytes);
  const { target, source, words } = await farPair(t, forced('--only', only));
  await refused(t, [...words(target), '--yes'], { target, exitCode: 4, says: /may open .* only/ });
  const fresh = await fastsyncJson([...words(path.join(directory, 'new')), '--yes']);
  t.is(fresh.exitCode, 4, fresh.stderr);
  const { exitCode, stderr } = await fastsyncJson(words(only));
  t.is(exitCode, 0, stderr);
  await proveSame(t, ext4, source, only);
});

test.serial(
  'an agent says itself what may be overwritten, whatever the driver’s user says',
  async (t) => {
    const directory = await scratchDirectory(t);
    const only = await sparseFile(path.join(directory, 'only.img'), replicaBytes);
    await execa('mkfs.ext4', ['-q', '-F', only]);
    const strict = await farPair(t, forced('--only', only));
    await refused(t, [...strict.words(only), '--yes'], {
      target: only,
      exitCode: 4,
      code: 'AGENT_REFUSED',
      says: /--yes does not count here.*--allow yes/s,
    });
    const lenient = await farPair(t, forced('--only', only, '--allow', 'yes'));
    await refused(t, lenient.words(only), { target: only, exitCode: 4, says: /TARGET_HAS_DATA/ });
    const device = await attachLoop(t, only);
    const mount = await mounted(t, device);
    const allowed = ['--yes', '--allow-mounted-target'];
    const inUse = await fastsyncJson([...lenient.words(only), ...allowed, '--allow-busy-target']);
    t.is(inUse.exitCode, 4, inUse.stderr);
    await mount.unmount();
    await execa('losetup', ['--detach', device]);
    const { exitCode, stderr } = await fastsyncJson([...lenient.words(only), '--yes']);
    t.is(exitCode, 0, stderr);
    await proveSame(t, ext4, lenient.source, only);
  },
);

test.serial('an agent that is read-only writes nothing and creates nothing', async (t) => {
  const { directory, target, words } = await farPair(t, forced('--read-only'));
  await refused(t, [...words(target), '--yes'], { target, exitCode: 4, says: /may not write/ });
  const fresh = path.join(directory, 'new');
  t.is((await fastsyncJson([...words(fresh), '--yes'])).exitCode, 4);
  await t.throwsAsync(stat(fresh), { code: 'ENOENT' });
});

test.serial('a forced command does what it does, whatever ssh is asked to run', async (t) => {
  const directory = await scratchDirectory(t);
  const only = await sparseFile(path.join(directory, 'only.img'), replicaBytes);
  const host = await otherHost(t, forced('--only', only));
  const { source, state } = await equalPair(t);
  const place = path.join(directory, 'traces');
  await mkdir(place);
  const trace = path.join(place, 'trace');
  const command = [
    `touch ${trace}; $(touch ${trace}) | touch ${trace} & \`touch ${trace}\``,
    `fastsync init --src ${source} --dst ${trace}`,
    `agent --only ${source} --allow yes`,
    `\n touch ${trace}\n`,
  ];
  for (const hostile of command) {
    const words = ['-F', host.sshd.config, 'backup', '--', hostile];
    await execa('ssh', words, { reject: false, input: '' });
  }
  const words = host.initWords(source, [host.far(only)], state);
  const remote = ['--remote-command', `touch ${trace}; $(touch ${trace}); fastsync`];
  const { exitCode, stderr } = await fastsyncJson([...words.slice(0, -2), ...remote]);
  t.is(exitCode, 0, stderr);
  t.deepEqual((await execa('ls', ['-A', place])).stdout, '');
  await proveSame(t, ext4, source, only);
});
