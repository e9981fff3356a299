/** kill -9 at random moments: the next run goes on, the result is right, little is copied twice. */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { repetitions } from '../support/repetitions.js';
import { seededRandom } from '../support/random.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { populateTree, treeDifferences } from '../support/tree.js';

const mebibyte = 1024 ** 2;
const bytes = 256 * mebibyte;

for (const backend of ['uring', 'threads']) {
  test.serial(`killed again and again, a seed ends right (${backend})`, async (t) => {
    const random = seededRandom(t, 20);
    const directory = await scratchDirectory(t);
    const image = await sparseFile(path.join(directory, 'source.img'), bytes);
    await execa('mkfs.ext4', ['-q', '-F', image]);
    const filled = await mounted(t, image, ['-o', 'loop']);
    await populateTree(filled.directory, 3, 96);
    await filled.unmount();
    const target = await sparseFile(path.join(directory, 'target.img'), bytes);
    await fillWithGarbage(target, bytes);
    const source = await attachLoop(t, image);
    const words = [
      ...['init', '--src', source, '--dst', target, '--yes', '--backend', backend],
      ...['--checkpoint-interval', '50', '--state-dir', path.join(directory, 'state')],
    ];

    // Every run is let come a random way further than the last one, and is then killed at once.
    let reached = 0;
    for (let kill = 0; kill < repetitions({ whole: 8, sample: 5 }); kill++) {
      // So slow that none of them is done before, however busy the machine is.
      const child = fastsync([...words, '--bwlimit', '8M'], {
        stdout: 'ignore',
        stderr: 'ignore',
      });
      reached += random.between(mebibyte, 10 * mebibyte);
      await checkpointBeyond(child, directory, reached);
      await sleep(random.between(0, 60));
      child.kill('SIGKILL');
      t.is((await child).signal, 'SIGKILL');
    }

    const last = await fastsyncJson(words);
    t.is(last.exitCode, 0, last.stderr);
    t.true(Number(last.summary.resumedBytes) > reached, 'the last run went on from a checkpoint');
    // What the last run read is what was left: nothing durable is copied twice.
    const { copiedBytes, readBytes, resumedBytes } = last.summary;
    t.is(Number(readBytes), Number(copiedBytes) - Number(resumedBytes));
    t.true(Number(last.summary.copiedBytes) < 110 * mebibyte);
    const fsck = await execa('e2fsck', ['-fn', target], { reject: false });
    t.is(fsck.exitCode, 0, fsck.stdout);
    const left = await mounted(t, source, ['-o', 'ro']);
    const right = await mounted(t, target, ['-o', 'loop,ro']);
    t.deepEqual(await treeDifferences(left.directory, right.directory), []);
    await left.unmount();
    await right.unmount();
  });
}

test.serial(
  'a source that was written meanwhile is not trusted: what differs is found and copied',
  async (t) => {
    const directory = await scratchDirectory(t);
    const image = await sparseFile(path.join(directory, 'source.img'), bytes);
    await execa('mkfs.ext4', ['-q', '-F', image]);
    const source = await attachLoop(t, image);
    const filled = await mounted(t, source);
    await populateTree(filled.directory, 3, 96);
    await filled.unmount();
    const target = await sparseFile(path.join(directory, 'target.img'), bytes);
    const words = [
      ...['init', '--src', source, '--dst', target, '--yes'],
      ...['--checkpoint-interval', '50', '--state-dir', path.join(directory, 'state')],
    ];
    const child = fastsync([...words, '--bwlimit', '16M'], { stdout: 'ignore', stderr: 'ignore' });
    await checkpointBeyond(child, directory, 20 * mebibyte);
    child.kill('SIGKILL');
    await child;

    // A file is overwritten in place: same blocks, same map, other content.
    const changed = await mounted(t, source);
    await execa('dd', [
      'if=/dev/urandom',
      `of=${path.join(changed.directory, 'large')}`,
      ...['bs=64K', 'count=64', 'conv=notrunc'],
    ]);
    await changed.unmount();

    const { exitCode, summary, lines } = await fastsyncJson(words);
    t.is(exitCode, 0);
    t.is(summary.resumedBytes, 0);
    t.true(lines.some(({ code }) => code === 'RESUMED_BY_COMPARING'));
    const left = await mounted(t, source, ['-o', 'ro']);
    const right = await mounted(t, target, ['-o', 'loop,ro']);
    t.deepEqual(await treeDifferences(left.directory, right.directory), []);
    await left.unmount();
    await right.unmount();
  },
);

test.serial('a source that is written during the run is not called done', async (t) => {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), bytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const source = await attachLoop(t, image);
  const filled = await mounted(t, source);
  await populateTree(filled.directory, 3, 96);
  await filled.unmount();
  const target = await sparseFile(path.join(directory, 'target.img'), bytes);
  const words = [
    ...['init', '--src', source, '--dst', target, '--yes'],
    ...['--checkpoint-interval', '50', '--state-dir', path.join(directory, 'state')],
  ];
  const child = fastsyncJson([...words, '--bwlimit', '16M']);
  await checkpointBeyond(child, directory, 10 * mebibyte);
  const random = ['if=/dev/urandom', `of=${source}`, 'bs=4096', 'seek=20000', 'count=1'];
  await execa('dd', [...random, 'conv=notrunc,fsync']);
  const { exitCode, summary } = await child;
  t.is(exitCode, 3);
  t.like(summary.unpublished, { code: 'SOURCE_CHANGED' });
  t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);

  const again = await fastsyncJson(words);
  t.is(again.exitCode, 0, again.stderr);
  t.true(again.lines.some(({ code }) => code === 'RESUMED_BY_COMPARING'));
  t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
});
