/** A rescue that left some ranges out: the same command tries just these again, and loses nothing it had. */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { nbdFile } from '../engine/nbd.js';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { mounted, sparseFile } from '../support/scratch.js';
import { extKind, makePair, mebibyte, proveSame } from '../support/seeding.js';

const kibibyte = 1024;
const sizeBytes = 48 * mebibyte;
/** Few inodes and no journal: files lie in the first MiB too. */
const ext4 = extKind('mkfs.ext4', '-b', '4096', '-N', '512', '-O', '^has_journal');

type Ranges = readonly (readonly [start: number, length: number])[];

interface Scene {
  readonly directory: string;
  /** All of it can be read. */
  readonly backing: string;
  /** The same on a disk of which some ranges cannot be read. */
  readonly disk: string;
  /** Blank, so that nobody has to be asked. */
  readonly target: string;
  readonly words: readonly string[];
  /** Which ranges those are from now on. */
  readonly break: (ranges: Ranges) => Promise<void>;
  /** Where files lie: behind the first MiB, and in it. */
  readonly body: number;
  readonly head: number;
}

const pread = `
while read -r start length; do
  if [ "$4" -lt $((start + length)) ] && [ $(($4 + $3)) -gt "$start" ]; then
    echo 'EIO bad sector' >&2
    exit 1
  fi
done <BAD
dd if=BACKING iflag=skip_bytes,count_bytes skip="$4" count="$3" bs=64k status=none
`;

async function scene(t: ExecutionContext): Promise<Scene> {
  const { directory, source: backing, state } = await makePair(t, ext4, sizeBytes);
  const bad = path.join(directory, 'bad');
  await writeFile(bad, '');
  const script = pread.replace('BAD', bad).replace('BACKING', backing);
  const plugin = ['eval', `get_size=stat -c %s ${backing}`, `pread=${script}`];
  const disk = await nbdFile(t, plugin, ['-r']);
  const target = await sparseFile(path.join(directory, 'blank.img'), sizeBytes);
  const { stdout } = await fastsync(['map', backing, '--format', 'json']);
  const { ranges } = JSON.parse(String(stdout)) as {
    readonly ranges: readonly { start: number; length: number; reason: string }[];
  };
  const place = (from: number, to: number): number => {
    const found = ranges.find(
      ({ start, length, reason }) =>
        reason === 'data' && start >= from && start < to && length >= 128 * kibibyte,
    );
    if (found === undefined) throw new Error(`Expected a file between ${from} and ${to}`);
    return found.start;
  };
  return {
    directory,
    backing,
    disk,
    target,
    words: ['init', '--src', disk, '--dst', target, '--rescue', ...state],
    break: (list) => writeFile(bad, list.map((range) => `${range.join(' ')}\n`).join('')),
    body: place(mebibyte, sizeBytes),
    head: place(0, mebibyte - 128 * kibibyte),
  };
}

async function blkidType(image: string): Promise<string> {
  return (await execa('blkid', ['--probe', '--output', 'value', '-s', 'TYPE', image])).stdout;
}

async function bytesAt(image: string, at: number, length: number): Promise<Buffer> {
  return (await readFile(image)).subarray(at, at + length);
}

test.serial('the same command tries what could not be read again, and nothing else', async (t) => {
  const { directory, backing, target, words, body, head, ...disk } = await scene(t);
  const rescueMap = path.join(directory, 'rescue.map');
  const run = () => fastsyncJson([...words, '--rescue-map', rescueMap]);
  const badInMap = async () =>
    (await execa('ddrescuelog', ['--list-blocks=-', '--block-size=4096', rescueMap])).stdout
      .split('\n')
      .filter((line) => line !== '').length * 4096;
  const [early, late, inHead] = [
    [body, 8 * kibibyte],
    [body + 64 * kibibyte, 64 * kibibyte],
    [head, 8 * kibibyte],
  ] as const;

  await disk.break([early, late, inHead]);
  const first = await run();
  t.is(first.exitCode, 3, first.stderr);
  t.is(await blkidType(target), 'ext4');
  t.is(await badInMap(), 80 * kibibyte);
  const before = await readFile(target);

  const nothing = await run();
  t.is(nothing.exitCode, 3, nothing.stderr);
  t.is(nothing.summary.readBytes, 0);
  t.deepEqual(nothing.summary.badRanges, first.summary.badRanges);
  t.is(await badInMap(), 80 * kibibyte);
  t.true(before.equals(await readFile(target)));

  await disk.break([late]);
  const some = await run();
  t.is(some.exitCode, 3, some.stderr);
  t.is(some.summary.readBytes, 16 * kibibyte);
  t.deepEqual(some.summary.badRanges, [{ start: late[0], length: late[1] }]);
  t.is(await badInMap(), 64 * kibibyte);

  await disk.break([]);
  const last = await run();
  t.is(last.exitCode, 0, last.stderr);
  t.is(last.summary.readBytes, 64 * kibibyte);
  t.is(await badInMap(), 0);
  // Now it is a target like any other.
  t.is((await run()).exitCode, 4);
  await proveSame(t, ext4, backing, target);
});

test.serial('a target that was written since is compared, after a question', async (t) => {
  const { backing, target, words, body, ...disk } = await scene(t);
  await disk.break([[body, 8 * kibibyte]]);
  t.is((await fastsyncJson(words)).exitCode, 3);
  const { directory, unmount } = await mounted(t, target, ['-o', 'loop']);
  await writeFile(path.join(directory, 'stray'), 'written on the replica');
  await unmount();
  await disk.break([]);
  t.is((await fastsyncJson(words)).exitCode, 4);
  const { exitCode, lines, stderr } = await fastsyncJson([...words, '--yes']);
  t.is(exitCode, 0, stderr);
  t.true(lines.some(({ code }) => code === 'RESUMED_BY_COMPARING'));
  await proveSame(t, ext4, backing, target);
});

test.serial('what was read once is kept, though the disk gets worse', async (t) => {
  const { directory, backing, target, words, body, head, ...disk } = await scene(t);
  await disk.break([[body, 8 * kibibyte]]);
  t.is((await fastsyncJson(words)).exitCode, 3);
  // As after a reboot: nothing is known of what was written since.
  const checkpoints = path.join(directory, 'state', 'checkpoints');
  const [name = ''] = await readdir(checkpoints);
  const file = path.join(checkpoints, name);
  const checkpoint = JSON.parse(await readFile(file, 'utf8')) as { sourceWriteCounter: string };
  await writeFile(file, JSON.stringify({ ...checkpoint, sourceWriteCounter: 'another boot' }));

  const worse = [
    [head, 8 * kibibyte],
    [body + 16 * kibibyte, 8 * kibibyte],
  ] as const;
  await disk.break(worse);
  const { exitCode, summary, stderr } = await fastsyncJson([...words, '--yes']);
  t.is(exitCode, 3, stderr);
  t.deepEqual(
    summary.badRanges,
    worse.map(([start, length]) => ({ start, length })),
  );
  for (const [start, length] of worse) {
    t.true((await bytesAt(target, start, length)).equals(await bytesAt(backing, start, length)));
  }
  await proveSame(t, ext4, backing, target);
});
