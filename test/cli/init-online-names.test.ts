/** `fastsync init --online` of a source that has several names, or another size in the end. */

import { link, mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { fastsyncJson } from '../support/fastsync.js';
import { onlineKinds, onlineSource, type OnlineSource } from '../support/online.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';

const { ext4 } = onlineKinds;

/** Seeds `src`, and writes to the mounted file system in the middle of it. */
function seedWhile({ state }: Pick<OnlineSource, 'state'>, src: string, dst: string, hook: string) {
  const words = ['init', '--online', '--src', src, '--dst', dst, '--yes', ...state];
  return fastsyncJson([...words, '--before-freeze', hook]);
}

test.serial('mounted by another device on the same storage: writes would not show', async (t) => {
  const scratch = await scratchDirectory(t);
  const state = ['--state-dir', path.join(scratch, 'state')];
  const image = await sparseFile(path.join(scratch, 'source.img'), ext4.sizeBytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const named = await attachLoop(t, image);
  const used = await attachLoop(t, image);
  const { directory } = await mounted(t, used);
  const target = path.join(scratch, 'target.img');
  const write = `dd if=/dev/urandom of=${directory}/file bs=1M count=8 conv=fsync status=none`;
  const { exitCode, summary } = await seedWhile({ state }, named, target, write);
  t.is(exitCode, 4);
  t.like(summary.error, { code: 'FREEZE_UNSUPPORTED' });
  t.true(JSON.stringify(summary.error).includes(used));
  t.is((await seedWhile({ state }, used, target, write)).exitCode, 0);
});

test.serial('an image that is mounted by another of its names is no less watched', async (t) => {
  const scratch = await scratchDirectory(t);
  const state = ['--state-dir', path.join(scratch, 'state')];
  const image = await sparseFile(path.join(scratch, 'source.img'), ext4.sizeBytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const other = path.join(scratch, 'other');
  await mkdir(other);
  await link(image, path.join(other, 'name.img'));
  await attachLoop(t, image);
  const { directory } = await mounted(t, await attachLoop(t, path.join(other, 'name.img')));
  const write = `dd if=/dev/urandom of=${directory}/file bs=1M count=8 conv=fsync status=none`;
  const target = path.join(scratch, 'target.img');
  t.is((await seedWhile({ state }, image, target, write)).exitCode, 4);
});

test.serial('a source that grows meanwhile is not called copied', async (t) => {
  const { xfs } = onlineKinds;
  const source = await onlineSource(t, xfs);
  const target = path.join(source.scratch, 'target.img');
  const image = path.join(source.scratch, 'source.img');
  const grown = 2 * xfs.sizeBytes;
  const grow = [
    `truncate -s ${grown} ${image}`,
    `losetup --set-capacity ${source.device}`,
    `xfs_growfs ${source.directory} >/dev/null`,
    `dd if=/dev/urandom of=${source.directory}/file bs=1M count=300 conv=fsync status=none`,
  ];
  const once = `[ $(stat -c %s ${image}) = ${grown} ] || { ${grow.join(' && ')}; }`;
  const { exitCode, summary, stderr } = await seedWhile(source, source.device, target, once);
  t.is(exitCode, 3, `${stderr} ${JSON.stringify(summary)}`);
  t.like(summary.error, { code: 'SOURCE_RESIZED' });
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);
});

test.serial('a target file that was deleted meanwhile is no copy; another one is', async (t) => {
  const source = await onlineSource(t, ext4);
  const [gone, kept] = ['gone.img', 'kept.img'].map((name) => path.join(source.scratch, name));
  const words = ['init', '--online', '--src', source.device, '--yes', ...source.state];
  const targets = ['--dst', String(gone), '--dst', String(kept)];
  const hook = ['--before-freeze', `rm ${gone}`];
  const { exitCode, summary } = await fastsyncJson([...words, ...targets, ...hook]);
  t.is(exitCode, 3, JSON.stringify(summary));
  const noSuchFile = constants.errno.ENOENT;
  t.like(summary, { targets: [{ failure: { errno: noSuchFile } }, { failure: null }] });
  await execa('e2fsck', ['-fn', String(kept)]);
});
