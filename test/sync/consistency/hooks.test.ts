/** The commands around a freeze: what they are given, and what becomes of those that fail or hang. */

import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { runHook } from '../../../src/sync/consistency/hooks.js';
import { scratchDirectory } from '../../support/scratch.js';
import { during, until } from '../../support/until.js';

const none = { beforeFreeze: null, afterFreeze: null, timeoutMs: 60_000 };

test('it runs by the shell, with its own name and what it is told in the environment', async (t) => {
  const file = path.join(await scratchDirectory(t), 'said');
  const hooks = { ...none, beforeFreeze: `echo "$FASTSYNC_HOOK $FASTSYNC_SOURCE" | tee ${file}` };
  await runHook('before-freeze', hooks, { FASTSYNC_SOURCE: '/dev/sda2' });
  t.is(await readFile(file, 'utf8'), 'before-freeze /dev/sda2\n');
});

test('none is no error', async (t) => {
  await t.notThrowsAsync(runHook('after-freeze', none, {}));
});

test('a failure is told with its exit code', async (t) => {
  const hooks = { ...none, afterFreeze: 'exit 7' };
  const error = await t.throwsAsync(runHook('after-freeze', hooks, {}));
  t.like(error, { code: 'HOOK_FAILED', exitCode: 3 });
  t.regex(error.message, /--after-freeze ended with exit code 7: exit 7/);
});

test('one that takes too long is ended with all that it has started', async (t) => {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'pid');
  // The shell waits for a child that takes no notice of being asked.
  const script = `(trap '' TERM; sh -c 'echo $PPID' >${file}; while :; do sleep 1; done) & wait`;
  // However long a shell takes to start: it has to have come that far.
  for (let timeoutMs = 300; !existsSync(file); timeoutMs *= 2) {
    const hooks = { ...none, beforeFreeze: script, timeoutMs };
    const error = await t.throwsAsync(runHook('before-freeze', hooks, {}));
    t.true(error.message.includes(`took more than ${timeoutMs / 1000} s`), error.message);
  }
  const pid = Number(await readFile(file, 'utf8'));
  await until(async () => (await execa('kill', ['-0', String(pid)], { reject: false })).failed);
});

test('one that leaves something running is not waited for', async (t) => {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'on');
  await writeFile(file, '');
  const script = `(while [ -e ${file} ]; do sleep 0.1; done) >/dev/null 2>&1 & true`;
  await runHook('before-freeze', { ...none, beforeFreeze: script }, {});
  await rm(file);
  t.pass();
});

test('Ctrl-C ends it', async (t) => {
  const stop = new AbortController();
  const hooks = { ...none, beforeFreeze: 'sleep 600' };
  const running = runHook('before-freeze', hooks, {}, stop.signal);
  stop.abort();
  t.is(await t.throwsAsync(running, { any: true }), stop.signal.reason);
});

test('it ends with a run that is killed, with all that it has started', async (t) => {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'pids');
  const module = new URL('../../../src/sync/consistency/hooks.js', import.meta.url).href;
  const command = `sleep 600 & echo $$ $! >${file}.new; mv ${file}.new ${file}; cat; wait`;
  const script = `
    import { runHook } from ${JSON.stringify(module)};
    const hooks = { beforeFreeze: ${JSON.stringify(command)}, afterFreeze: null, timeoutMs: 600000 };
    await runHook('before-freeze', hooks, {});
  `;
  const run = execa(process.execPath, ['--input-type=module', '-e', script], { reject: false });
  t.teardown(() => run.kill('SIGKILL'));
  const pids = async () => readFile(file, 'utf8').catch(() => '');
  await during(run, async () => (await pids()) !== '');
  run.kill('SIGKILL');
  await run;
  for (const pid of (await pids()).trim().split(' ')) {
    await until(async () => (await execa('kill', ['-0', pid], { reject: false })).failed);
  }
  t.pass();
});
