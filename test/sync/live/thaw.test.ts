/** What is written in the very moment of the thaw is followed like everything else. */

import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { startTracker, type Tracker } from '../../../src/tracker/index.js';
import { hangMs } from '../../support/hang.js';
import { follow } from '../../support/live-run.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { mebibyte } from '../../support/seeding.js';
import { until } from '../../support/until.js';

const blockBytes = 1024;

const blockOf = (count: number) => Buffer.alloc(blockBytes, `${count};`);

interface Writing {
  readonly write: () => Promise<void>;
  /** It ends with one that has to wait for the thaw. */
  mayEnd: boolean;
  isOver: boolean;
}

/** Whether a thread of this process waits in the kernel until a file system is thawed. */
async function waitsForThaw(): Promise<boolean> {
  const tasks = await readdir('/proc/self/task');
  const stacks = await Promise.all(
    tasks.map((task) => readFile(`/proc/self/task/${task}/stack`, 'utf8').catch(() => '')),
  );
  return stacks.some((stack) => /percpu_rwsem|sb_start_write|percpu_down_read/.test(stack));
}

/** A tracker behind whose drains there is a write each. */
function withWrites(tracker: Tracker, writing: Writing): Tracker {
  let last: Promise<void> = Promise.resolve();
  return {
    volume: tracker.volume,
    granularityBytes: tracker.granularityBytes,
    async drain() {
      await last;
      const drained = await tracker.drain();
      if (writing.isOver) return drained;
      last = writing.write();
      let hasEnded = false;
      void last.then(() => (hasEnded = true));
      let isBlocked = false;
      await until(async () => hasEnded || (isBlocked = await waitsForThaw()));
      writing.isOver = writing.mayEnd && isBlocked;
      return drained;
    },
    peek: () => tracker.peek(),
    health: () => tracker.health(),
    stop: () => tracker.stop(),
    [Symbol.asyncDispose]: () => tracker.stop(),
  };
}

test.serial('a write that waited for the thaw comes with the next epoch', async (t) => {
  const scratch = await scratchDirectory(t);
  const image = await sparseFile(path.join(scratch, 'source.img'), 8 * mebibyte);
  const content = await scratchDirectory(t);
  await writeFile(path.join(content, 'file'), blockOf(0));
  // No journal, and small blocks: data lies side by side with the superblock.
  const features = ['-b', '1024', '-N', '16', '-O', '^resize_inode', '-d', content];
  await execa('mkfs.ext2', ['-q', '-F', ...features, image]);
  const { stdout: block } = await execa('debugfs', ['-R', 'blocks /file', image]);
  t.true(Number(block) < 64, `in block ${block}`);
  const device = await attachLoop(t, image);
  const { directory } = await mounted(t, device, ['-o', 'noatime']);
  await using file = await open(path.join(directory, 'file'), 'r+');
  let count = 0;
  const write = async () => {
    await file.write(blockOf(++count), 0, blockBytes, 0);
    await file.datasync();
  };
  const writing: Writing = { write, mayEnd: false, isOver: false };
  const target = path.join(scratch, 'target.img');
  const found = async () => {
    const shown = await execa('debugfs', ['-R', 'cat /file', target], { encoding: 'buffer' });
    return Buffer.from(shown.stdout).toString();
  };
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
  }, hangMs);
  const onEpoch = async () => {
    writing.mayEnd = true;
    return writing.isOver && (await found()) === blockOf(count).toString();
  };
  await follow(scratch, device, target, onEpoch, {
    signal: late.signal,
    startTracker: async (volume) => withWrites(await startTracker(volume), writing),
  });
  clearTimeout(timer);
  t.true(writing.isOver);
  t.is(await found(), blockOf(count).toString());
});
