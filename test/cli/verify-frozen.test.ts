/** What freezing itself writes is no difference: a mounted source beside a replica of another moment. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson, flipBits } from '../support/fastverify.js';
import { startLive } from '../support/following.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { populateTree } from '../support/tree.js';

const mebibyte = 1024 ** 2;
const bytes = 320 * mebibyte;

const kinds = {
  ext4: ['mkfs.ext4', '-q', '-F'],
  ext2: ['mkfs.ext2', '-q', '-F'],
  'ext4 of another time': ['mkfs.ext4', '-q', '-F', '-O', '^metadata_csum,^64bit,^orphan_file'],
  'ext4 with MMP': ['mkfs.ext4', '-q', '-F', '-O', 'mmp', '-E', 'mmp_update_interval=1'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
} as const;

/** A mounted source with files on it, all of it on the disk, and an empty device for its replica. */
async function scene(t: ExecutionContext, [mkfs, ...options]: readonly [string, ...string[]]) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), bytes);
  await execa(mkfs, [...options, image]);
  const copy = await sparseFile(path.join(directory, 'target.img'), bytes);
  const source = await attachLoop(t, image, ['--direct-io=on']);
  const target = await attachLoop(t, copy, ['--direct-io=on']);
  const { directory: mount } = await mounted(t, source, ['-o', 'noatime']);
  await populateTree(mount, 5, 16);
  await execa('sync', ['-f', mount]);
  const state = ['--state-dir', path.join(directory, 'state')];
  return { directory, source, target, mount, state };
}

type Scene = Awaited<ReturnType<typeof scene>>;

function seed({ source, target, state }: Scene) {
  const volumes = ['--src', source, '--dst', target];
  return fastsyncJson(['init', ...volumes, '--online', '--yes', ...state]);
}

function verify({ source, target, state }: Scene, lagTolerance: string) {
  const volumes = ['--src', source, '--dst', target];
  return fastverifyJson([...volumes, '--online', '--lag-tolerance', lagTolerance, ...state]);
}

async function bytesOf(device: string, start: number, length: number): Promise<Buffer> {
  const words = [`if=${device}`, 'iflag=direct,skip_bytes,count_bytes', 'bs=4096', 'status=none'];
  const { stdout } = await execa('dd', [...words, `skip=${start}`, `count=${length}`], {
    encoding: 'buffer',
  });
  return Buffer.from(stdout);
}

for (const [name, mkfs] of Object.entries(kinds)) {
  test.serial(
    `${name}: an idle source and the replica of an earlier moment are equal`,
    async (t) => {
      const pair = await scene(t, mkfs);
      const seeded = await seed(pair);
      t.is(seeded.exitCode, 0, seeded.stderr);
      // More than one night: each freezes it anew.
      for (let night = 1; night <= 2; night++) {
        const { exitCode, summary, ranges } = await verify(pair, '1s');
        t.is(exitCode, 0, JSON.stringify([summary, ranges]));
        t.is(summary.verdict, 'equal');
      }
      if (name !== 'ext4') return;
      const [left, right] = [
        await bytesOf(pair.source, 0, 4096),
        await bytesOf(pair.target, 0, 4096),
      ];
      t.false(left.equals(right), 'frozen at another moment, it has another superblock');
    },
  );
}

/** Changes the label alone, and what vouches for the superblock with it, behind everybody's back. */
const relabel = {
  ext4: ['tune2fs', '-L', 'other'],
  xfs: ['xfs_admin', '-L', 'other'],
} as const;

for (const name of ['ext4', 'xfs'] as const) {
  test.serial(`${name}: a superblock that says something else is different`, async (t) => {
    const pair = await scene(t, kinds[name]);
    t.is((await seed(pair)).exitCode, 0);
    if (name === 'xfs') {
      // Its log is replayed first, as xfs_admin wants it.
      const { unmount } = await mounted(t, pair.target, ['-o', 'nouuid']);
      await unmount();
    }
    const [command, ...words] = relabel[name];
    await execa(command, [...words, pair.target]);
    const { exitCode, ranges } = await verify(pair, '1s');
    t.is(exitCode, 1);
    t.true(ranges.some(({ start, answer }) => start < 4096 && answer === 'different'));
  });
}

test.serial('ext4: a superblock with a wrong checksum is different', async (t) => {
  const pair = await scene(t, kinds.ext4);
  t.is((await seed(pair)).exitCode, 0);
  await flipBits(pair.target, [{ at: 1024 + 0x30, bit: 3 }]);
  const { exitCode, ranges } = await verify(pair, '1s');
  t.is(exitCode, 1);
  t.true(ranges.some(({ start }) => start >= 1024 && start < 2048));
});

test.serial('xfs: a log that cannot be followed is different', async (t) => {
  const pair = await scene(t, kinds.xfs);
  t.is((await seed(pair)).exitCode, 0);
  const { stdout } = await execa('xfs_db', [
    '-r',
    '-c',
    'sb 0',
    '-c',
    'p logstart agblocks agblklog',
    pair.target,
  ]);
  const figure = (of: string) => Number(new RegExp(`${of} = (\\d+)`).exec(stdout)?.[1]);
  const [start, agBlocks, agBlockLog] = [
    figure('logstart'),
    figure('agblocks'),
    figure('agblklog'),
  ];
  const block = Math.floor(start / 2 ** agBlockLog) * agBlocks + (start % 2 ** agBlockLog);
  // The log of a young file system: all that was ever written to it lies at its beginning.
  const from = block * 4096;
  const log = await bytesOf(pair.target, from, mebibyte);
  const flips = [];
  for (let at = 0; at < log.length; at += 512) {
    if (log.readUInt32BE(at) === 0xfeedbabe) flips.push({ at: from + at + 32, bit: 0 });
  }
  t.true(flips.length > 0);
  await flipBits(pair.target, flips);
  const { exitCode, ranges } = await verify(pair, '1s');
  t.is(exitCode, 1, JSON.stringify(ranges));
  t.true(ranges.every(({ answer }) => answer === 'different'));
});

for (const name of ['ext4', 'xfs'] as const) {
  test.serial(`${name}: live, an epoch a second, and checks of the same pair`, async (t) => {
    const pair = await scene(t, kinds[name]);
    const words = ['--src', pair.source, '--dst', pair.target, '--interval', '1s'];
    const run = startLive(t, pair.directory, words);
    await run.epoch(pair.target, 1);
    for (let night = 1; night <= 2; night++) {
      const { exitCode, summary, ranges } = await verify(pair, '600s');
      t.is(exitCode, 0, JSON.stringify([summary, ranges]));
      await execa('dd', [
        'if=/dev/urandom',
        `of=${pair.mount}/night`,
        'bs=64K',
        'count=8',
        'conv=fsync',
      ]);
    }
    t.is((await run.stop()).exitCode, 0);
  });
}
