/** `fastsync init --online` as a user sees it: onto what it seeds, what it says, what it refuses. */

import { access, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { checkLoad, fsyncLoad, onlineKinds, onlineSource, seedOnline } from '../support/online.js';
import { attachLoop, attachPartitioned, mounted, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;
const { ext4 } = onlineKinds;

/** A source under load, and the proof of whatever target. */
async function loaded(t: ExecutionContext) {
  const source = await onlineSource(t, ext4);
  const load = await fsyncLoad(t, source, 'load', 11);
  const prove = async (target: string, pointInTimeMs: number) => {
    const { checked, lost } = await checkLoad(t, ext4, target, load, pointInTimeMs);
    t.deepEqual(lost, []);
    t.true(checked > 5);
  };
  return { source, load, prove };
}

/** blkid's word that nothing recognisable lies there. */
async function assertUnfinished(t: ExecutionContext, target: string): Promise<void> {
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);
}

test.serial('onto a device and a file at once, the source read once', async (t) => {
  const { source, load, prove } = await loaded(t);
  const image = await sparseFile(path.join(source.scratch, 'device.img'), ext4.sizeBytes);
  const device = await attachLoop(t, image);
  const file = path.join(source.scratch, 'new.img');
  const { pointInTimeMs, lines, cutover } = await seedOnline(source, device, [
    '--dst',
    file,
    '--verify',
  ]);
  await load.stop();
  const rounds = lines.filter(({ round }) => round !== undefined);
  t.true(rounds.length > 0, 'every round is told');
  for (const { dirtyBytes, dirtyBytesPerSecond, expectedFreezeMs } of rounds) {
    t.true([dirtyBytes, dirtyBytesPerSecond, expectedFreezeMs].every(Number.isFinite));
  }
  // What the last look found was copied, one way or the other.
  t.true(cutover.bufferedBytes >= Number(rounds.at(-1)?.dirtyBytes));
  await prove(image, pointInTimeMs);
  await prove(file, pointInTimeMs);
});

test.serial(
  'what is written just before the freeze is not read in it, and is in the copy',
  async (t) => {
    const source = await onlineSource(t, ext4);
    const target = path.join(source.scratch, 'target.img');
    const file = path.join(source.directory, 'flushed');
    const flush = `dd if=/dev/urandom of=${file} bs=1M count=20 conv=fsync status=none`;
    const { cutover } = await seedOnline(source, target, ['--before-freeze', flush]);
    t.true(
      cutover.frozenBytes < 10 * mebibyte,
      `${cutover.frozenBytes} bytes were read in the freeze`,
    );
    const copy = await mounted(t, target, ['-o', 'loop,ro']);
    t.true((await readFile(path.join(copy.directory, 'flushed'))).equals(await readFile(file)));
  },
);

test.serial('a partition of a disk, and a source named by its image file', async (t) => {
  const { scratch, state } = await onlineSource(t, ext4);
  const disk = await sparseFile(path.join(scratch, 'disk.img'), 200 * mebibyte);
  await execa('sfdisk', ['-q', disk], { input: 'label: gpt\nstart=34MiB, size=128MiB\n' });
  const partition = `${await attachPartitioned(t, disk)}p1`;
  await execa('mkfs.ext4', ['-q', '-F', partition]);
  const inDisk = await mounted(t, partition);
  const whole = path.join(scratch, 'whole.img');
  await execa('mkfs.ext4', ['-q', '-F', await sparseFile(whole, 128 * mebibyte)]);
  const inWhole = await mounted(t, await attachLoop(t, whole));
  for (const [device, { directory }] of [
    [partition, inDisk],
    [whole, inWhole],
  ] as const) {
    const name = path.basename(device);
    const load = await fsyncLoad(t, { directory, scratch }, name, 12);
    const target = path.join(scratch, `${name}.target`);
    const source = { scratch, device, directory, state, unmount: () => Promise.resolve() };
    const { pointInTimeMs } = await seedOnline(source, target);
    await load.stop();
    t.deepEqual((await checkLoad(t, ext4, target, load, pointInTimeMs)).lost, []);
  }
});

test.serial(
  'onto a smaller target: what is written behind its end meanwhile is missed',
  async (t) => {
    const source = await onlineSource(t, ext4);
    const device = await attachLoop(
      t,
      await sparseFile(path.join(source.scratch, 'small'), 96 * mebibyte),
    );
    const words = ['init', '--online', '--src', source.device, '--dst', device, ...source.state];
    t.is((await fastsyncJson([...words, '--yes'])).exitCode, 4);
    // Nothing in use lies there when the map is read; but what is smaller than it claims is not mounted.
    const small = await fastsync([...words, '--allow-small-target']);
    t.is(small.exitCode, 3, String(small.stderr));
    t.regex(String(small.stdout), /left out: +32 MiB of free space that the file system claims/);
    await t.throwsAsync(execa('mount', ['-o', 'ro', device, source.scratch]));
    const grow = `dd if=/dev/zero of=${source.directory}/big bs=1M count=100 status=none`;
    const late = ['--allow-small-target', '--yes', '--before-freeze', grow];
    const { exitCode, summary } = await fastsyncJson([...words, ...late]);
    t.is(exitCode, 3);
    t.is(summary.outcome, 'incomplete');
  },
);

test.serial(
  'XFS: what is left out is nothing, and onto a smaller target what is behind its end',
  async (t) => {
    const { xfs } = onlineKinds;
    const source = await onlineSource(t, xfs);
    const words = (target: string) => [
      ...['init', '--online', '--src', source.device, '--dst', target, ...source.state, '--yes'],
    ];
    const whole = path.join(source.scratch, 'whole.img');
    const copied = await fastsync(words(await sparseFile(whole, xfs.sizeBytes)));
    t.is(copied.exitCode, 0, String(copied.stderr));
    t.notRegex(String(copied.stdout), /left out|-\d+(\.\d+)? [KMGT]?i?B/);
    // The headers of the last of its four groups lie behind.
    const small = await sparseFile(path.join(source.scratch, 'small.img'), 200 * mebibyte);
    const device = await attachLoop(t, small);
    const cut = await fastsync([...words(device), '--allow-small-target']);
    t.is(cut.exitCode, 3, String(cut.stderr));
    t.regex(String(cut.stdout), /left out: +[1-9][\d.]* [KM]iB of used ranges/);
  },
);

test.serial('a target that fails is given up, the other one is right', async (t) => {
  const { source, load, prove } = await loaded(t);
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=3m']);
  const failing = await sparseFile(path.join(directory, 'failing'), ext4.sizeBytes);
  const good = path.join(source.scratch, 'good.img');
  const words = ['init', '--online', '--src', source.device, '--dst', failing, '--dst', good];
  const { exitCode, summary } = await fastsyncJson([...words, '--yes', ...source.state]);
  await load.stop();
  t.is(exitCode, 3);
  const targets = summary.targets as { failure: unknown }[];
  t.deepEqual(
    targets.map(({ failure }) => failure === null),
    [false, true],
  );
  await assertUnfinished(t, failing);
  const { consistentAt } = summary.cutover as { consistentAt: string };
  await prove(good, Date.parse(consistentAt));
});

test.serial(
  '--no-cutover leaves an unfinished target; the next run compares and ends',
  async (t) => {
    const { source, load, prove } = await loaded(t);
    const target = path.join(source.scratch, 'target.img');
    const words = ['init', '--online', '--src', source.device, '--dst', target, ...source.state];
    const { exitCode, summary } = await fastsyncJson([...words, '--no-cutover']);
    t.is(exitCode, 3);
    t.like(summary, { outcome: 'incomplete', unpublished: { code: 'NO_CUTOVER' }, cutover: null });
    await assertUnfinished(t, target);
    const { pointInTimeMs, lines } = await seedOnline(source, target);
    t.true(lines.some(({ code }) => code === 'RESUMED_BY_COMPARING'));
    await load.stop();
    await prove(target, pointInTimeMs);
  },
);

test.serial('hooks stand around the freeze, in this order', async (t) => {
  const { source, load, prove } = await loaded(t);
  const log = path.join(source.scratch, 'hooks');
  const target = path.join(source.scratch, 'target.img');
  const say = `echo "$FASTSYNC_HOOK $FASTSYNC_SOURCE $(date +%s%N)" >>${log}`;
  const hooks = ['--before-freeze', say, '--after-freeze', `${say}; touch ${source.directory}/on`];
  const { pointInTimeMs } = await seedOnline(source, target, hooks);
  await load.stop();
  const said = (await readFile(log, 'utf8')).trim().split('\n');
  const [before, after] = said.map((line) => line.split(' '));
  t.is(said.length, 2);
  t.deepEqual(before?.slice(0, 2), ['before-freeze', source.device]);
  t.deepEqual(after?.slice(0, 2), ['after-freeze', source.device]);
  t.true(Number(before?.[2]) / 1e6 <= pointInTimeMs && pointInTimeMs <= Number(after?.[2]) / 1e6);
  await t.notThrowsAsync(access(path.join(source.directory, 'on')), 'it could write');
  await prove(target, pointInTimeMs);
});

test.serial(
  'a failing first hook ends the run before the freeze, and the second one is told',
  async (t) => {
    const source = await onlineSource(t, ext4);
    const target = path.join(source.scratch, 'target.img');
    const told = path.join(source.scratch, 'told');
    const words = ['init', '--online', '--src', source.device, '--dst', target, ...source.state];
    const hooks = [
      '--before-freeze',
      'echo to the terminal; exit 9',
      '--after-freeze',
      `: >${told}`,
    ];
    const { exitCode, stderr, summary } = await fastsyncJson([...words, ...hooks]);
    t.is(exitCode, 3);
    t.like(summary.error, { code: 'HOOK_FAILED' });
    t.regex(stderr, /to the terminal/);
    await t.notThrowsAsync(access(told));
    await assertUnfinished(t, target);

    const late = ['--after-freeze', 'sleep 60', '--hook-timeout', '0.2s'];
    const second = await fastsyncJson([...words, ...late]);
    t.is(second.exitCode, 0, 'the copy is what it is');
    t.true(second.lines.some(({ code }) => code === 'HOOK_FAILED'));
  },
);

test.serial('what cannot be seeded online is refused in a clear sentence', async (t) => {
  const source = await onlineSource(t, ext4);
  const target = path.join(source.scratch, 'target.img');
  const image = await sparseFile(path.join(source.scratch, 'other.img'), 32 * mebibyte);
  await execa('mkfs.ntfs', ['-q', '-F', '-f', image]);
  const device = await attachLoop(t, image);
  const run = async (src: string, dst: string, ...more: readonly string[]) => {
    const words = ['init', '--online', '--src', src, '--dst', dst, ...more];
    const { exitCode, stderr } = await fastsync(words);
    return { exitCode, said: String(stderr) };
  };
  const idle = await run(device, target, ...source.state);
  t.is(idle.exitCode, 2);
  t.regex(idle.said, /is not mounted: there is nothing to freeze\. Run without the online options/);
  await mounted(t, device, ['-t', 'ntfs-3g']);
  const fuse = await run(device, target, ...source.state);
  t.is(fuse.exitCode, 4);
  t.regex(fuse.said, /runs in a process \(FUSE/);
  const within = path.join(source.directory, 'target.img');
  const onItself = await run(source.device, within, ...source.state);
  t.is(onItself.exitCode, 4);
  t.regex(onItself.said, /lies on it, so the run would block itself|same storage/);
  const state = await run(source.device, target, '--state-dir', path.join(source.directory, 's'));
  t.is(state.exitCode, 4);
  t.regex(state.said, /lies on it, so the run would block itself/);
  for (const wrong of [
    ['--granularity', '5000'],
    ['--granularity', '8G'],
    ['--max-freeze', 'soon'],
    ['--max-freeze', '2h'],
    ['--rounds', '0'],
    ['--hook-timeout', '0s'],
  ]) {
    const { exitCode, said } = await run(source.device, target, ...wrong, ...source.state);
    t.is(exitCode, 2, wrong.join(' '));
    t.regex(said, new RegExp(`^error: ${wrong[0] ?? ''}`), wrong.join(' '));
  }
  await t.throwsAsync(access(target), undefined, 'and nothing was made');
});

test.serial('a source that is mounted read-only', async (t) => {
  const source = await onlineSource(t, ext4);
  await writeFile(path.join(source.directory, 'file'), 'as it was');
  await execa('mount', ['-o', 'remount,ro', source.directory]);
  const target = path.join(source.scratch, 'target.img');
  await seedOnline(source, target);
  const copy = await mounted(t, target, ['-o', 'loop,ro']);
  t.is(await readFile(path.join(copy.directory, 'file'), 'utf8'), 'as it was');
});
