/** Freezing real file systems: writers wait, and go on in every way that a freeze can end. */

import { once } from 'node:events';
import { chmod, copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { FastsyncError } from '../../../src/errors.js';
import { freeze, type FrozenFilesystem, type VolumeIdentity } from '../../../src/volume/index.js';
import {
  assertBlocks,
  assertWritable,
  kindNames,
  mountedKind,
  unfreeze,
  watchdogs,
} from './freezing.js';
import { until } from '../../support/until.js';

/** The longest there is: no test is too slow for it. */
const anyTimeMs = 3_600_000;

async function expiry({ expired }: FrozenFilesystem): Promise<void> {
  if (!expired.aborted) await once(expired, 'abort');
}

/** The freeze ended without our asking: that is seen at once, and thaw() says so for good. */
async function assertExpired(t: ExecutionContext, frozen: FrozenFilesystem, code: string) {
  await expiry(frozen);
  const { reason } = frozen.expired as { reason: unknown };
  t.is((reason as FastsyncError).code, code);
  for (let time = 0; time < 2; time++) {
    t.is((await t.throwsAsync(frozen.thaw(), { instanceOf: FastsyncError })).code, code);
  }
}

for (const kind of kindNames) {
  test(`${kind}: writers wait until the thaw, readers and programs do not`, async (t) => {
    const { directory, volume, unmount } = await mountedKind(t, kind, ['-o', 'strictatime']);
    await writeFile(path.join(directory, 'file'), 'content');
    await copyFile('/bin/true', path.join(directory, 'true'));
    await chmod(path.join(directory, 'true'), 0o755);
    const before = performance.now();
    const frozen = await freeze({ volume, maxFreezeMs: anyTimeMs, mustNotFreeze: [] });
    t.is(frozen.mountPoint, directory);
    t.true(frozen.frozenAtMs - frozen.freezeCallMs > before);
    t.true(frozen.frozenAtMs < performance.now());
    const goesOn = await assertBlocks(t, directory);
    t.is(await readFile(path.join(directory, 'file'), 'utf8'), 'content');
    await execa(path.join(directory, 'true'));
    await t.throwsAsync(stat(path.join(directory, 'blocked')), { code: 'ENOENT' });
    t.false(frozen.expired.aborted);
    const asked = performance.now();
    const { heldMs } = await frozen.thaw();
    t.true(heldMs > 0 && heldMs < performance.now() - frozen.frozenAtMs);
    t.true(frozen.frozenAtMs + heldMs > asked - 1);
    t.false(frozen.expired.aborted);
    await goesOn();
    t.deepEqual(await frozen.thaw(), { heldMs });
    t.deepEqual(await watchdogs(directory), []);
    await unmount();
  });

  test(`${kind}: what is frozen for too long is thawed`, async (t) => {
    const { directory, volume } = await mountedKind(t, kind);
    const frozen = await freeze({ volume, maxFreezeMs: 2000, mustNotFreeze: [] });
    await assertExpired(t, frozen, 'FREEZE_TIMED_OUT');
    await assertWritable(t, directory);
    await frozen[Symbol.asyncDispose]();
  });

  test(`${kind}: what somebody else froze stays frozen`, async (t) => {
    const { directory, volume } = await mountedKind(t, kind);
    await execa('fsfreeze', ['--freeze', directory]);
    const refused = freeze({ volume, busyPatienceMs: 300, mustNotFreeze: [] });
    t.is((await t.throwsAsync(refused, { instanceOf: FastsyncError })).code, 'FREEZE_BUSY');
    const goesOn = await assertBlocks(t, directory);
    t.true(await unfreeze(directory));
    await goesOn();
  });

  test(`${kind}: a read-only file system freezes as well`, async (t) => {
    const { directory, volume } = await mountedKind(t, kind);
    await execa('mount', ['-o', 'remount,ro', directory]);
    const frozen = await freeze({ volume, maxFreezeMs: anyTimeMs, mustNotFreeze: [] });
    await frozen.thaw();
    await execa('mount', ['-o', 'remount,rw', directory]);
    await assertWritable(t, directory);
  });
}

test('freezing that takes longer than allowed is undone', async (t) => {
  const { directory, volume } = await mountedKind(t, 'ext4');
  // FIFREEZE waits several times for all processors: never less than a millisecond.
  const late = await t.throwsAsync(freeze({ volume, maxFreezeMs: 1, mustNotFreeze: [] }), {
    instanceOf: FastsyncError,
  });
  t.is(late.code, 'FREEZE_TIMED_OUT');
  await assertWritable(t, directory);
});

const [watchdog, standby] = [0, 1];

/** A freeze and its processes, found while it stands: with more time where this machine is too slow. */
async function watched(volume: VolumeIdentity, directory: string, maxFreezeMs: number) {
  for (let limitMs = maxFreezeMs; ; limitMs *= 2) {
    const frozen = await freeze({ volume, maxFreezeMs: limitMs, mustNotFreeze: [] }).catch(
      (error: unknown) => {
        if (!(error instanceof FastsyncError) || error.code !== 'FREEZE_TIMED_OUT') throw error;
        return null;
      },
    );
    const pids = await watchdogs(directory);
    if (frozen !== null && !frozen.expired.aborted) return { frozen, pids };
  }
}

for (const [name, signal, victim, maxFreezeMs, code] of [
  ['a watchdog that is told to end thaws', 'SIGTERM', watchdog, anyTimeMs, 'FREEZE_LOST'],
  ['so does one that is interrupted', 'SIGINT', watchdog, anyTimeMs, 'FREEZE_LOST'],
  ['so does one whose terminal closes', 'SIGHUP', watchdog, anyTimeMs, 'FREEZE_LOST'],
  ['the standby thaws for a killed watchdog', 'SIGKILL', watchdog, anyTimeMs, 'FREEZE_LOST'],
  ['without its standby a watchdog thaws', 'SIGKILL', standby, anyTimeMs, 'FREEZE_LOST'],
  [
    'the standby thaws in time for a stopped watchdog',
    'SIGSTOP',
    watchdog,
    8000,
    'FREEZE_TIMED_OUT',
  ],
] as const) {
  test(name, async (t) => {
    const { directory, volume } = await mountedKind(t, 'xfs');
    const { frozen, pids } = await watched(volume, directory, maxFreezeMs);
    t.is(pids.length, 2);
    process.kill(pids[victim] ?? NaN, signal);
    await assertExpired(t, frozen, code);
    await assertWritable(t, directory);
    await until(async () => (await watchdogs(directory)).length === 0);
  });
}

test('if watchdog and standby are killed at once, we thaw', async (t) => {
  const { directory, volume } = await mountedKind(t, 'btrfs');
  const frozen = await freeze({ volume, maxFreezeMs: anyTimeMs, mustNotFreeze: [] });
  const pids = await watchdogs(directory);
  // Stopped first, so that neither sees the other's end.
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await assertExpired(t, frozen, 'FREEZE_LOST');
  await assertWritable(t, directory);
});

test('a thaw by somebody else does not go unnoticed', async (t) => {
  const { directory, volume } = await mountedKind(t, 'ext4');
  const frozen = await freeze({ volume, maxFreezeMs: anyTimeMs, mustNotFreeze: [] });
  t.true(await unfreeze(directory));
  const error = await t.throwsAsync(frozen.thaw(), { instanceOf: FastsyncError });
  t.is(error.code, 'FREEZE_LOST');
  t.regex(error.message, /somebody else/);
});

test('a run that is stopped thaws, or does not freeze at all', async (t) => {
  const { directory, volume } = await mountedKind(t, 'ext4');
  const stop = new AbortController();
  const frozen = await freeze({
    volume,
    maxFreezeMs: anyTimeMs,
    mustNotFreeze: [],
    signal: stop.signal,
  });
  stop.abort(new Error('stopped'));
  await expiry(frozen);
  await assertWritable(t, directory);
  await t.throwsAsync(frozen.thaw(), { message: 'stopped' });
  await t.throwsAsync(freeze({ volume, mustNotFreeze: [], signal: stop.signal }), {
    message: 'stopped',
  });
  const late = new AbortController();
  const starting = freeze({
    volume,
    maxFreezeMs: anyTimeMs,
    mustNotFreeze: [],
    signal: late.signal,
  });
  late.abort(new Error('stopped'));
  await t.throwsAsync(starting, { message: 'stopped' });
  await assertWritable(t, directory);
});

test('a limit that is none is refused', async (t) => {
  const { volume } = await mountedKind(t, 'ext4');
  for (const maxFreezeMs of [0, -1, NaN, Infinity, 3_600_001]) {
    await t.throwsAsync(freeze({ volume, maxFreezeMs, mustNotFreeze: [] }), {
      instanceOf: RangeError,
    });
  }
});

test('without free file descriptors nothing is frozen, and a sentence says why', async (t) => {
  const { device, directory } = await mountedKind(t, 'ext4');
  const program = fileURLToPath(new URL('starved.js', import.meta.url));
  const words = ['--nofile=128:128', process.execPath, program, device, directory];
  const { stdout } = await execa('prlimit', words);
  const endings = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  const [first, ...starved] = endings;
  t.regex(String(first?.message), /^cannot examine the devices and mounts: too many files/);
  // As many as it has to have, and no more.
  t.true(starved.length > 1 && starved.length < 20, stdout);
  for (const { name, code, message } of endings) {
    t.deepEqual([name, code], ['FastsyncError', 'TOO_MANY_FILES'], String(message));
  }
  for (const { message } of starved) t.regex(String(message), /watchdog could not be started/);
  await assertWritable(t, directory);
  t.deepEqual(await watchdogs(directory), []);
});
