/** A replica that is shorter than its file system claims: not equal, whatever lies behind its end. */

import { copyFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

for (const [kind, mkfs, sizeMib] of [
  ['ext4', 'mkfs.ext4 -q -F', 120],
  ['XFS', 'mkfs.xfs -q -f', 320],
] as const) {
  test.serial(`${kind}: eight mebibytes of free space are missing, and that is said`, async (t) => {
    const directory = await scratchDirectory(t);
    const state = ['--state-dir', path.join(directory, 'state')];
    const source = await sparseFile(path.join(directory, 'source.img'), sizeMib * mebibyte);
    await execa('sh', ['-c', `${mkfs} ${source}`]);
    const manifest = path.join(directory, 'manifest');
    const written = await fastverifyJson(['--src', source, '--write-manifest', manifest]);
    t.is(written.exitCode, 0, written.stderr);
    const cut = path.join(directory, 'cut.img');
    await copyFile(source, cut);
    await truncate(cut, (sizeMib - 8) * mebibyte);
    await t.throwsAsync(mounted(t, cut, ['-o', 'loop']), undefined, 'the kernel does not mount it');
    for (const words of [
      ['--src', source, '--dst', cut],
      ['--src', cut, '--manifest', manifest],
    ]) {
      const { exitCode, summary, ranges, stderr } = await fastverifyJson([...words, ...state]);
      t.is(exitCode, 1, stderr);
      t.is(summary.verdict, 'different');
      t.true(Number(summary.differentBytes) >= 8 * mebibyte);
      t.true(ranges.some(({ cause }) => cause === 'missing'));
    }
    const small = await attachLoop(
      t,
      await sparseFile(path.join(directory, 'small'), (sizeMib - 8) * mebibyte),
    );
    const { exitCode, stderr } = await fastsyncJson([
      ...['init', '--src', source, '--dst', small, '--allow-small-target', '--yes', ...state],
    ]);
    t.is(exitCode, 3, stderr);
  });
}
