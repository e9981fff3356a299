/**
 * Crashed volumes: the map must hold all that was used before the kernel's own replay and all that
 * is used after it, and no more; and a copy of just that must give every fsynced file back.
 */

import { copyFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { seededRandom } from '../../support/random.js';
import { lostFiles, runLoad, type Kept } from './load.js';
import { restore } from './restore.js';
import {
  bytesIn,
  common,
  freeByXfsDb,
  freeOf,
  makeXfs,
  mapImage,
  mebibyte,
  minus,
  whileMounted,
} from './support.js';

type Crash = (directory: string, image: string, copy: string) => Promise<void>;

/** The image as it lies on disk while mounted: of a moment, as nothing was written while it was copied. */
const copyWhileMounted: Crash = async (_directory, image, copy) => {
  for (;;) {
    await execa('cp', ['--sparse=always', image, copy]);
    // Every half a minute the kernel puts some of the log into its place.
    if (!(await execa('cmp', [image, copy], { reject: false })).failed) return;
  }
};

/** The kernel's own way of crashing: all that is in memory is lost, the log's last part included. */
const shutDown: Crash = async (directory) => {
  await execa('xfs_io', ['-x', '-c', 'shutdown', directory]);
};

/** As above, but the log is flushed first: everything is in the log and nothing in its place. */
const shutDownFlushed: Crash = async (directory) => {
  await execa('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
};

interface Volume {
  readonly mebibytes: number;
  readonly mkfs: readonly string[];
  readonly mount: readonly string[];
  readonly steps: number;
  readonly crash: Crash;
  /**
   * Whether the volume crashes with nothing half done. Where it does not, the kernel goes on after
   * its replay: it frees what was unlinked but still open or not yet inactivated.
   */
  readonly settled: boolean;
}

const defaults: Volume = {
  mebibytes: 400,
  mkfs: [],
  mount: [],
  steps: 900,
  crash: copyWhileMounted,
  settled: true,
};
const small = { mebibytes: 200, mkfs: ['--unsupported', '-l', 'size=1368b'], steps: 2800 };

const volumes: Readonly<Record<string, Volume>> = {
  'copied while mounted': defaults,
  'shut down': { ...defaults, crash: shutDown, settled: false },
  'shut down, log flushed': { ...defaults, crash: shutDownFlushed },
  'a small log, wrapped': { ...defaults, ...small },
  'a small log, wrapped, shut down': { ...defaults, ...small, crash: shutDown, settled: false },
  'log buffers of 256 KiB': { ...defaults, mount: ['logbsize=256k'] },
  'log buffers of 16 KiB': { ...defaults, mount: ['logbsize=16k'] },
  'a log with a stripe unit': { ...defaults, mkfs: ['-l', 'su=256k'], mount: ['logbsize=256k'] },
  'a log with sectors of 4 KiB': { ...defaults, mkfs: ['-s', 'size=4096'] },
  'blocks of 1 KiB': { ...defaults, mkfs: ['-b', 'size=1024'] },
  'blocks of 64 KiB': { ...defaults, mkfs: ['-b', 'size=65536'] },
  'every tree there is': { ...defaults, mkfs: ['-m', 'rmapbt=1,reflink=1'] },
};

/** Makes a volume crash under load: the image it leaves, and what must be found in it again. */
async function crashed(
  t: ExecutionContext,
  volume: Volume,
): Promise<{ image: string; kept: Kept }> {
  const random = seededRandom(t, 0x5eed);
  const image = await makeXfs(t, volume.mebibytes * mebibyte, volume.mkfs);
  const copy = `${image}.copy`;
  const kept = await whileMounted(
    t,
    image,
    async (directory) => {
      const files = await runLoad(directory, random, volume.steps);
      if (volume.settled) await settle(directory);
      await volume.crash(directory, image, copy);
      return files;
    },
    volume.mount,
  );
  return { image: volume.crash === copyWhileMounted ? copy : image, kept };
}

/** Has the kernel finish with removed inodes, which it does in the background, and the log say so. */
async function settle(directory: string): Promise<void> {
  // To give preallocated space back is a call that ends by waiting for these inodes.
  await execa('xfs_spaceman', ['-c', 'prealloc -s', directory]);
  await execa('sync', ['--file-system', directory]);
}

/** A copy of the image after the kernel has replayed its log. */
async function replayedByKernel(t: ExecutionContext, image: string): Promise<string> {
  const replayed = `${image}.replayed`;
  await copyFile(image, replayed);
  await whileMounted(t, replayed, () => Promise.resolve());
  return replayed;
}

for (const [name, volume] of Object.entries(volumes)) {
  test.serial(name, async (t) => {
    const { image, kept } = await crashed(t, volume);
    const map = await mapImage(image);
    t.log(map.filesystem.journal.detail);
    t.is(map.filesystem.journal.state, 'replayed');
    t.deepEqual(map.notes, []);
    t.is(map.crossCheck?.state, 'done');

    const before = await freeByXfsDb(image);
    const after = await freeByXfsDb(await replayedByKernel(t, image));
    t.notDeepEqual(before, after, 'the log holds nothing that the disk does not');
    t.deepEqual(minus(freeOf(map), before), [], 'used before replay, free here');
    t.deepEqual(minus(freeOf(map), after), [], 'used after replay, free here');
    const excess = minus(common(before, after), freeOf(map));
    if (volume.settled) t.deepEqual(excess, [], 'free before and after, used here');
    else t.true(bytesIn(excess) < mebibyte, `${bytesIn(excess)} bytes used here alone`);

    const target = await restore(t, image, map);
    await whileMounted(t, target, async (directory) => {
      t.true(kept.size > 20);
      t.deepEqual(await lostFiles(directory, kept), []);
    });
    await t.notThrowsAsync(execa('xfs_repair', ['-n', target]));
  });
}
