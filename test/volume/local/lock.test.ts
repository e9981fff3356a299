/** The run's lock among real processes: held, given back, outlived, in other namespaces, at one instant. */

import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../../support/lifetime.js';
import { FastsyncError } from '../../../src/errors.js';
import { takeLock } from '../../../src/volume/index.js';
import { mounted, scratchDirectory } from '../../support/scratch.js';
import { firstOutput } from '../../support/until.js';

const module = JSON.stringify(new URL('../../../src/volume/index.js', import.meta.url).href);

/** A process that tries to take the lock, says how it went, and holds what it got until its stdin ends. */
function contender(node: string, directory: string, wrapper: readonly string[] = []) {
  const script = `
    import { takeLock } from ${module};
    const [node, directory] = process.argv.slice(1);
    await takeLock(node, 'target', directory).then(
      () => { console.log('held ' + process.pid); process.stdin.resume(); },
      (error) => console.log(error.code),
    );
  `;
  const command = [...wrapper, 'node', '--input-type=module', '-e', script, node, directory];
  const [file = '', ...args] = command;
  const child = execa(...endingWithUs(file, args), { stdin: 'pipe', buffer: false, reject: false });
  return { child, answer: firstOutput(child).then((said) => said.trim()) };
}

async function held(t: ExecutionContext, node: string, directory: string, wrapper?: string[]) {
  const { child, answer } = contender(node, directory, wrapper);
  t.teardown(() => child.kill('SIGKILL'));
  const [word, pid] = (await answer).split(' ');
  t.is(word, 'held');
  return { child, pid: Number(pid) };
}

test('a held lock keeps others out, names its holder, and lets them in when given back', async (t) => {
  const directory = await scratchDirectory(t);
  const { child, pid } = await held(t, 'block:8:1', directory);
  const error = await t.throwsAsync(takeLock('block:8:1', '/dev/sda1', directory), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'LOCKED');
  t.is(error.exitCode, 7);
  t.regex(error.message, new RegExp(`^/dev/sda1 .*\\b${pid}\\b`));
  const other = await takeLock('block:8:17', '/dev/sdb1', directory);
  await other.release();
  child.stdin.end();
  await child;
  const lock = await takeLock('block:8:1', '/dev/sda1', directory);
  await lock.release();
  t.deepEqual(await readdir(directory), []);
});

test('one process cannot take a lock twice', async (t) => {
  const directory = await scratchDirectory(t);
  const lock = await takeLock('file:8:1:5', 'image', directory);
  await t.throwsAsync(takeLock('file:8:1:5', 'image', directory), { instanceOf: FastsyncError });
  await lock.release();
  await (await takeLock('file:8:1:5', 'image', directory)).release();
});

test('the lock of a killed run is free', async (t) => {
  const directory = await scratchDirectory(t);
  const { child } = await held(t, 'block:8:1', directory);
  child.kill('SIGKILL');
  await child;
  const lock = await takeLock('block:8:1', '/dev/sda1', directory);
  t.is((await readdir(directory)).length, 1, 'the dead claim is cleared away');
  await lock.release();
});

test('a pid that was given out again does not hold the lock of its forerunner', async (t) => {
  const directory = await scratchDirectory(t);
  const lock = await takeLock('block:8:1', '/dev/sda1', directory);
  const [name = ''] = await readdir(directory);
  await lock.release();
  const [target = '', , start = '', boot = ''] = name.split('.');
  const { pid } = await held(t, 'block:9:9', directory);
  // This pid is alive, but it began at another time, or before another boot.
  await writeFile(path.join(directory, `${target}.${pid}.${start}1.${boot}`), '');
  await writeFile(path.join(directory, `${target}.${process.ppid}.${start}.00000000`), '');
  await (await takeLock('block:8:1', '/dev/sda1', directory)).release();
});

test('a run in another network namespace is seen', async (t) => {
  const directory = await scratchDirectory(t);
  await held(t, 'block:8:1', directory, ['unshare', '--net']);
  const error = await t.throwsAsync(takeLock('block:8:1', '/dev/sda1', directory), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'LOCKED');
});

test('of many that start at once at most one holds, time after time', async (t) => {
  const directory = await scratchDirectory(t);
  for (let round = 0; round < 3; round++) {
    const contenders = Array.from({ length: 6 }, () => contender('block:8:1', directory));
    const answers = await Promise.all(contenders.map(({ answer }) => answer));
    t.true(answers.filter((answer) => answer.startsWith('held')).length <= 1, answers.join());
    t.true(
      answers.every((answer) => /^(held \d+|LOCKED)$/.test(answer)),
      answers.join(),
    );
    for (const { child } of contenders) {
      child.stdin.end();
      await child;
    }
  }
});

test('a lock whose claim cannot be taken away is given back all the same, and taken again', async (t) => {
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs']);
  const lock = await takeLock('block:8:1', '/dev/sda1', directory);
  await execa('mount', ['-o', 'remount,ro', directory]);
  await t.notThrowsAsync(lock.release());
  await execa('mount', ['-o', 'remount,rw', directory]);
  const again = await takeLock('block:8:1', '/dev/sda1', directory);
  const error = await t.throwsAsync(takeLock('block:8:1', '/dev/sda1', directory));
  t.true(error instanceof FastsyncError && error.code === 'LOCKED');
  await again.release();
  t.deepEqual(await readdir(directory), []);
});
