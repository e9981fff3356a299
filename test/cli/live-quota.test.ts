/**
 * `fastsync live` under a quota that is used up, of its state, its journal or its target: it says so as
 * it does of a full disk, goes on when there is room again, and its replica is whole.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsync } from '../support/fastsync.js';
import { startLive } from '../support/following.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const sourceBytes = 16 * mebibyte;
const contentOf = (name: string) => name.repeat(400_000);
const isOfQuota = (said: unknown) => String(said).includes('quota');
const noTrace = /\n {4}at |bug|Unknown system error/;

/** A mounted source, and a btrfs with a subvolume whose group has a quota: it binds root as well. */
async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), sourceBytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const source = await attachLoop(t, image);
  const { directory: mount } = await mounted(t, source);
  const disk = await sparseFile(path.join(directory, 'disk.img'), 512 * mebibyte);
  await execa('mkfs.btrfs', ['-q', disk]);
  const { directory: outer } = await mounted(t, await attachLoop(t, disk));
  const limited = path.join(outer, 'limited');
  await execa('btrfs', ['quota', 'enable', outer]);
  await execa('btrfs', ['subvolume', 'create', limited]);
  const { stdout: id } = await execa('btrfs', ['inspect-internal', 'rootid', limited]);
  /** The quota of the subvolume, set from the one above it, whose own is no matter. */
  const limit = async (bytes: string) => {
    await execa('sync', ['-f', outer]);
    await execa('btrfs', ['qgroup', 'limit', bytes, `0/${id}`, outer]);
  };
  const write = async (name: string) => {
    await writeFile(path.join(mount, name), contentOf(name), { flush: true });
  };
  return { directory, source, limited, limit, write };
}

async function assertWhole(t: ExecutionContext, target: string, names: readonly string[]) {
  t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
  const replica = await mounted(t, target, ['-o', 'ro,loop']);
  for (const name of names) {
    const file = path.join(replica.directory, name);
    t.is(await readFile(file, 'utf8'), contentOf(name), name);
  }
  await replica.unmount();
}

for (const where of ['state', 'journal', 'target'] as const) {
  test.serial(`live: the quota of the ${where} is used up`, async (t) => {
    const { directory, source, limited, limit, write } = await scene(t);
    const own = where === 'state' ? limited : directory;
    const target = path.join(where === 'target' ? limited : directory, 'target.img');
    const journal = path.join(where === 'journal' ? limited : directory, 'journal');
    await mkdir(path.join(own, 'state'));
    const words = ['--src', source, '--dst', target, '--interval', '0.2s', '--journal', journal];
    await write('first');
    const run = startLive(t, own, words);
    await run.epoch(target, 1);
    await limit('16K');
    await write('second');
    const { message } = await run.line(({ code }) => code === 'LIVE_TROUBLE');
    t.true(isOfQuota(message), String(message));
    await run.line(({ code, message: again }) => code === 'LIVE_TROUBLE' && again !== message);
    await limit('none');
    await run.epoch(target, 2);
    const { exitCode, stderr } = await run.stop();
    t.is(exitCode, 0, stderr);
    t.notRegex(`${stderr}${JSON.stringify(run.lines)}`, noTrace);
    await assertWhole(t, target, ['first', 'second']);

    // And one that ends meanwhile says what is the matter.
    const next = startLive(t, own, words);
    await next.line(({ type }) => type === 'epoch' || type === 'status');
    await limit('16K');
    await write('third');
    await next.line(({ code, message: said }) => {
      return code === 'LIVE_TROUBLE' && isOfQuota(said);
    });
    const ended = await next.stop();
    t.is(ended.exitCode, 3, ended.stderr);
    t.true(isOfQuota(JSON.stringify(ended.summary.targets)), JSON.stringify(ended.summary));
    t.notRegex(`${ended.stderr}${JSON.stringify(next.lines)}`, noTrace);
    await limit('none');
    const recover = ['live', '--recover', '--dst', target, '--journal', journal];
    const recovered = await fastsync([...recover, '--state-dir', path.join(own, 'state')]);
    t.is(recovered.exitCode, 0, String(recovered.stderr));
    await assertWhole(t, target, ['first', 'second']);
  });
}

test.serial('init: the quota of the target is used up, and later the copy goes on', async (t) => {
  const { directory, source, limited, limit, write } = await scene(t);
  await write('first');
  const target = path.join(limited, 'target.img');
  const state = ['--state-dir', path.join(directory, 'state')];
  const words = ['init', '--online', '--src', source, '--dst', target, '--yes', ...state];
  await limit('1M');
  const { exitCode, stderr } = await fastsync(words);
  t.is(exitCode, 3, String(stderr));
  t.regex(String(stderr), /^error: [^\n]*quota/m);
  t.notRegex(String(stderr), noTrace);
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2, 'it is unfinished');
  await limit('none');
  const again = await fastsync(words);
  t.is(again.exitCode, 0, String(again.stderr));
  await assertWhole(t, target, ['first']);
});
