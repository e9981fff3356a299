/** fastsync status of replications that cannot go on: stopped, held up by their source, or by a command. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsync } from '../support/fastsync.js';
import { startLive } from '../support/following.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

interface Replication {
  readonly state: string;
  readonly hook: string | null;
  readonly pid: number;
  readonly dirtyBytes: number;
  readonly consistentAt: string | null;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly since: string;
  } | null;
}

interface Told {
  readonly exitCode: number | undefined;
  readonly one: Replication;
}

/** A mounted ext4 that is followed. */
async function scene(t: ExecutionContext, words: readonly string[] = []) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), 64 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const device = await attachLoop(t, image);
  const { directory: mount } = await mounted(t, device, ['-o', 'errors=remount-ro']);
  t.teardown(() => execa('fsfreeze', ['--unfreeze', mount], { reject: false }));
  const target = path.join(directory, 'target.img');
  const volumes = ['--src', device, '--dst', target, '--interval', '0.2s'];
  const run = startLive(t, directory, [...volumes, ...words]);
  await run.epoch(target, 1);
  const state = ['--state-dir', path.join(directory, 'state')];
  /** Asks until it holds. */
  const tells = async (holds: (told: Told) => boolean): Promise<Told> => {
    let told: Told | null = null;
    await run.during(async () => {
      const { exitCode, stdout } = await fastsync(['status', '--json', ...state]);
      const { replications } = JSON.parse(String(stdout)) as { replications: Replication[] };
      const [one] = replications;
      told = one === undefined ? null : { exitCode, one };
      return told !== null && holds(told);
    });
    return told as unknown as Told;
  };
  const table = async () => String((await fastsync(['status', ...state])).stdout);
  /** Writes to the device what is there already: the tracker sees it, frozen or not. */
  const touch = () =>
    execa('dd', [
      `if=${device}`,
      `of=${device}`,
      'bs=4096',
      'skip=64',
      'seek=64',
      'count=1',
      'conv=notrunc,fsync',
    ]);
  return { directory, device, mount, target, run, tells, table, touch };
}

test.serial('a run that is stopped is stalled, and goes on', async (t) => {
  const { tells, table } = await scene(t);
  const { one } = await tells(({ exitCode }) => exitCode === 0);
  process.kill(one.pid, 'SIGSTOP');
  try {
    const { exitCode } = await tells(({ one: { state } }) => state === 'stalled');
    t.is(exitCode, 3);
    t.regex(await table(), /no sign of life since 2/);
  } finally {
    process.kill(one.pid, 'SIGCONT');
  }
  await tells(({ exitCode, one: { state } }) => exitCode === 0 && state === 'following');
  t.pass();
});

test.serial('a source that somebody froze and forgot: why and since when', async (t) => {
  const { mount, run, tells, table, touch } = await scene(t);
  await execa('fsfreeze', ['--freeze', mount]);
  const before = Date.now();
  await touch();
  const isHeldUp = ({ one: { error } }: Told) => error?.code === 'FREEZE_BUSY';
  const { exitCode, one } = await tells(isHeldUp);
  t.is(exitCode, 3);
  t.true(Date.parse(one.error?.since ?? '') >= before - 1000, JSON.stringify(one));
  t.regex(await table(), /no epoch was completed since 2.*frozen already, by somebody else/);
  await execa('fsfreeze', ['--unfreeze', mount]);
  await tells(({ exitCode: now, one: { error } }) => now === 0 && error === null);
  await execa('fsfreeze', ['--freeze', mount]);
  await touch();
  await tells(isHeldUp);
  const ended = await run.stop();
  t.is(ended.exitCode, 3, JSON.stringify(ended.summary));
  t.regex(JSON.stringify(ended.summary), /no epoch was completed since/);
});

test.serial(
  'a file system that an error made read-only is followed, or it is said why not',
  async (t) => {
    const { device, mount, target, run, tells, touch } = await scene(t);
    await writeFile(path.join(mount, 'before'), 'whole', { flush: true });
    const name = path.basename(device);
    await writeFile(`/sys/fs/ext4/${name}/trigger_fs_error`, 'test\n');
    const { length } = run.lines.filter(({ type }) => type === 'epoch');
    await touch();
    const { exitCode, one } = await tells(
      ({ one: { error, state, dirtyBytes } }) =>
        error !== null ||
        (state === 'following' &&
          dirtyBytes === 0 &&
          run.lines.filter(({ type }) => type === 'epoch').length > length),
    );
    t.log(JSON.stringify(one));
    t.is(exitCode, one.error === null ? 0 : 3);
    const ended = await run.stop();
    t.is(ended.exitCode, one.error === null ? 0 : 3, JSON.stringify(ended.summary));
    const kept = await execa('debugfs', ['-R', 'cat before', target], { reject: false });
    if (one.error === null) t.is(kept.stdout, 'whole');
  },
);

test.serial('a command that hangs has a state of its own, and ends with the run', async (t) => {
  const mark = `600.${process.pid}`;
  const words = ['--after-epoch', `sleep ${mark}`, '--hook-timeout', '1h'];
  const { run, tells, table } = await scene(t, words);
  const { exitCode, one } = await tells(({ one: { state } }) => state === 'hook');
  t.is(exitCode, 0, 'the replica is whole');
  t.like(one, { hook: 'after-epoch', error: null });
  t.not(one.consistentAt, null);
  t.regex(await table(), /the command of --after-epoch has been running since 2/);
  const ended = await run.stop();
  t.is(ended.exitCode, 0, JSON.stringify(ended.summary));
  t.true(run.lines.some(({ code }) => code === 'AFTER_EPOCH_FAILED'));
  t.true((await execa('pgrep', ['-f', `^sleep ${mark}`], { reject: false })).failed);
});

test.serial('a command after an epoch has a limit, and the next epoch comes', async (t) => {
  const words = ['--after-epoch', 'sleep 600', '--hook-timeout', '0.2s'];
  const { mount, run, target } = await scene(t, words);
  await run.line(
    ({ code, message }) => code === 'AFTER_EPOCH_FAILED' && String(message).includes('0.2 s'),
  );
  await writeFile(path.join(mount, 'file'), 'content', { flush: true });
  await run.epoch(target, 2);
  t.is((await run.stop()).exitCode, 0);
});

test.serial('a command before the freeze that hangs: said, and ended with the run', async (t) => {
  // Not the first time, so that there is a replica.
  const once = path.join(await scratchDirectory(t), 'once');
  const hook = `[ -e ${once} ] && sleep 600; : >${once}`;
  const words = ['--before-freeze', hook, '--hook-timeout', '1h'];
  const { run, tells, touch } = await scene(t, words);
  await touch();
  const { one } = await tells(({ one: { state } }) => state === 'hook');
  t.is(one.hook, 'before-freeze');
  const { exitCode } = await run.stop();
  t.is(exitCode, 0);
});
