/** What a repair may write to, and what counts as proven: decided by what a volume is, not by its name. */

import { copyFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastverifyJson, flipBits } from '../support/fastverify.js';
import { equalPair } from '../support/replica.js';
import { attachLoop, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

async function digestOf(file: string): Promise<string> {
  return (await execa('sha256sum', [file])).stdout;
}

async function stranger(t: ExecutionContext, directory: string, bytes: number, raw: boolean) {
  const file = await sparseFile(path.join(directory, `stranger-${raw ? 'raw' : 'blank'}`), bytes);
  if (raw) await execa('sh', ['-c', `yes | dd of=${file} bs=4k seek=777 count=3 conv=notrunc`]);
  return { file, device: await attachLoop(t, file) };
}

for (const raw of [true, false]) {
  test.serial(
    `a nightly repair leaves a ${raw ? 'raw' : 'blank'} disk alone to which its link leads`,
    async (t) => {
      const { source, target, directory } = await equalPair(t);
      const { size } = await stat(target);
      const link = path.join(directory, 'replica');
      await symlink(await attachLoop(t, target), link);
      const config = path.join(directory, 'fastsync.yaml');
      const pairs = { night: { src: source, dst: link, repair: true } };
      await writeFile(config, JSON.stringify({ stateDir: path.join(directory, 'nightly'), pairs }));
      t.is((await fastverifyJson(['--config', config, '--all'])).exitCode, 0);
      const { file, device } = await stranger(t, directory, size, raw);
      await rm(link);
      await symlink(device, link);
      const before = await digestOf(file);
      const { exitCode, lines } = await fastverifyJson(['--config', config, '--all']);
      t.is(exitCode, 4);
      t.regex(JSON.stringify(lines), /NOT_A_REPLICA/);
      t.is(await digestOf(file), before);
    },
  );
}

test.serial(
  'a replica that lost its superblock is known by what was proven of it, another disk is not',
  async (t) => {
    const { target, words, directory } = await equalPair(t);
    t.is((await fastverifyJson(words)).exitCode, 0);
    await execa('dd', ['if=/dev/zero', `of=${target}`, 'bs=4096', 'count=1', 'conv=notrunc']);
    const mended = await fastverifyJson([...words, '--repair']);
    t.is(mended.exitCode, 0, mended.stderr);
    // Another file takes its place and its name.
    const other = path.join(directory, 'other');
    await copyFile(target, other);
    await execa('dd', ['if=/dev/zero', `of=${other}`, 'bs=4096', 'count=1', 'conv=notrunc']);
    await execa('mv', [other, target]);
    const { exitCode, summary } = await fastverifyJson([...words, '--repair']);
    t.is(exitCode, 4);
    t.like(summary, { error: { code: 'NOT_A_REPLICA' } });
    const allowed = await fastverifyJson([...words, '--repair', '--allow-unknown-target']);
    t.is(allowed.exitCode, 0, allowed.stderr);
  },
);

test.serial(
  'a verification of many nights does not go on with another disk of the same name',
  async (t) => {
    const { source, target, directory, state } = await equalPair(t);
    const device = await attachLoop(t, target);
    const words = ['--src', source, '--dst', device, ...state];
    const first = await fastverifyJson([...words, '--bwlimit', '8M', '--max-time', '1s']);
    t.is(first.exitCode, 3, first.stderr);
    t.true(Number(first.summary.stoppedAtBytes) > mebibyte);
    // The same file system, on another disk, that differs where the first one was proven.
    const other = path.join(directory, 'other');
    await copyFile(target, other);
    await flipBits(other, [{ at: 1024 + 300, bit: 0 }]);
    await execa('losetup', ['--detach', device]);
    await execa('losetup', [device, other]);
    const second = await fastverifyJson([...words, '--max-time', '10m']);
    t.is(second.summary.resumedAtBytes, 0);
    t.is(second.exitCode, 1);
    await execa('losetup', ['--detach', device]);
  },
);
