/** `fastsync init --online` where it cannot come to an end, or only at the second attempt. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { fastsyncBin, fastsyncJson, type JsonLine } from '../support/fastsync.js';
import {
  checkLoad,
  fsyncLoad,
  onlineKinds,
  onlineSource,
  type OnlineSource,
  type OnlineSummary,
  seedOnline,
} from '../support/online.js';

const { ext4 } = onlineKinds;

/** Runs it in a mount namespace of its own, after `prepare` was done in there. */
async function inNamespace(
  { device, state }: OnlineSource,
  target: string,
  prepare: string,
  options: readonly string[] = [],
) {
  const words = ['init', '--online', '--src', device, '--dst', target, '--json', '--yes', ...state];
  const run = [process.execPath, fastsyncBin, ...words, ...options];
  const script = `${prepare}; exec "$@"`;
  const result = await execa('unshare', ['--mount', 'sh', '-euc', script, 'sh', ...run], {
    reject: false,
    stdin: 'ignore',
  });
  const lines = result.stdout.split('\n').map((line) => JSON.parse(line) as JsonLine);
  const summary = lines.at(-1) as JsonLine;
  const codes = lines.flatMap(({ type, code }) => (type === 'note' ? [String(code)] : []));
  return { exitCode: result.exitCode, stderr: result.stderr, summary, codes };
}

/** So that hardly anything fits into the memory that a cutover is read into. */
const littleMemory = 'mount -t tmpfs -o size=48m tmpfs /dev/shm';

/** Writes more than that, again and again, into one file. */
function rewriting(t: ExecutionContext, directory: string) {
  const file = path.join(directory, 'rewritten');
  const script = `while :; do dd if=/dev/zero of=${file} bs=1M count=40 conv=notrunc,fsync status=none; done`;
  const child = execa(...endingWithUs('sh', ['-c', script]), { reject: false, detached: true });
  let isOver = false;
  const stop = async () => {
    if (child.pid !== undefined && !isOver) process.kill(-child.pid, 'SIGKILL');
    isOver = true;
    await child;
  };
  t.teardown(stop);
  return stop;
}

test.serial('it does not converge: said, unfinished, and the next run ends it', async (t) => {
  const source = await onlineSource(t, ext4);
  const load = await fsyncLoad(t, source, 'load', 5);
  const stopRewriting = rewriting(t, source.directory);
  const target = path.join(source.scratch, 'target.img');
  const failed = await inNamespace(source, target, littleMemory, ['--bwlimit', '16M']);
  t.is(failed.exitCode, 3, failed.stderr);
  t.like(failed.summary, { outcome: 'incomplete', cutover: null });
  t.like(failed.summary.unpublished, { code: 'NOT_CONVERGED' });
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);

  await stopRewriting();
  const { pointInTimeMs, lines, summary } = await seedOnline(source, target);
  t.true(lines.some(({ code }) => code === 'RESUMED_BY_COMPARING'));
  t.true(Number(summary.identicalBytes) > 0);
  await load.stop();
  t.deepEqual((await checkLoad(t, ext4, target, load, pointInTimeMs)).lost, []);
});

test.serial(
  'more than fits comes up in the freeze: let go at once, said, and tried again',
  async (t) => {
    const source = await onlineSource(t, ext4);
    const load = await fsyncLoad(t, source, 'load', 6);
    const target = path.join(source.scratch, 'target.img');
    const once = path.join(source.scratch, 'once');
    const big = `dd if=/dev/zero of=${source.directory}/big bs=1M count=40 status=none`;
    const hook = `[ -e ${once} ] || ${big}; : >${once}`;
    const run = await inNamespace(source, target, littleMemory, ['--before-freeze', hook]);
    t.is(run.exitCode, 0, run.stderr);
    t.deepEqual(run.codes, ['CUTOVER_TOO_LARGE']);
    await load.stop();
    const { cutover } = run.summary as unknown as OnlineSummary;
    const kept = await checkLoad(t, ext4, target, load, Date.parse(cutover.consistentAt));
    t.deepEqual(kept.lost, []);
  },
);

test.serial('again and again more than fits: three times, then it gives up', async (t) => {
  const source = await onlineSource(t, ext4);
  const target = path.join(source.scratch, 'target.img');
  const big = `dd if=/dev/zero of=${source.directory}/big bs=1M count=40 status=none`;
  const run = await inNamespace(source, target, littleMemory, ['--before-freeze', big]);
  t.is(run.exitCode, 3, run.stderr);
  t.like(run.summary.unpublished, { code: 'NOT_CONVERGED' });
  t.deepEqual(run.codes, ['CUTOVER_TOO_LARGE', 'CUTOVER_TOO_LARGE']);
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);
});

test.serial('frozen by somebody else just then: waited for', async (t) => {
  const source = await onlineSource(t, ext4);
  const target = path.join(source.scratch, 'target.img');
  const once = path.join(source.scratch, 'once');
  const { directory } = source;
  const freeze = `[ -e ${once} ] || { fsfreeze --freeze ${directory}; : >${once}; }`;
  const thaw = `fsfreeze --unfreeze ${directory} || true`;
  const hooks = ['--before-freeze', freeze, '--after-freeze', thaw];
  const { lines } = await seedOnline(source, target, hooks);
  t.true(lines.some(({ code }) => code === 'FREEZE_BUSY'));
  t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
});

test.serial('unmounted during the run: unfinished, and a plain run ends it', async (t) => {
  const source = await onlineSource(t, ext4);
  const target = path.join(source.scratch, 'target.img');
  const words = ['init', '--online', '--src', source.device, '--dst', target, '--yes'];
  const hook = ['--before-freeze', `umount ${source.directory}`];
  const failed = await fastsyncJson([...words, ...hook, ...source.state]);
  t.is(failed.exitCode, 3, failed.stderr);
  t.like(failed.summary.unpublished, { code: 'SOURCE_CHANGED' });
  const plain = words.filter((word) => word !== '--online');
  t.is((await fastsyncJson([...plain, ...source.state])).exitCode, 0);
  t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
});

test.serial('no memory to read into: refused before the target is touched', async (t) => {
  const source = await onlineSource(t, ext4);
  const target = path.join(source.scratch, 'target.img');
  const nowhere = `mkdir ${source.scratch}/bare; for d in /dev/shm /run; do mount --bind ${source.scratch}/bare $d; done`;
  const run = await inNamespace(source, target, nowhere);
  t.is(run.exitCode, 2, run.stderr);
  t.like(run.summary.error, { code: 'NO_SHARED_MEMORY' });
});
