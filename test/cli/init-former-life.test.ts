/** `fastsync init` onto disks that had another life: nothing of it may be left where nobody copies. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsync, fastsyncJson, type JsonLine } from '../support/fastsync.js';
import { formerLives, takenFor } from '../support/former.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const sizeBytes = 80 * mebibyte; // blkid looks for pools from 64 MiB on
const largerBytes = 96 * mebibyte + 4096;

interface Wiped {
  readonly targets: readonly { readonly wiped: readonly string[] }[];
}

async function makeSource(t: ExecutionContext, mkfs: string, bytes = sizeBytes) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), bytes);
  await execa('sh', ['-c', `${mkfs} ${source}`]);
  return { directory, source, state: ['--state-dir', path.join(directory, 'state')] };
}

function wipedOn(summary: JsonLine): string {
  return (summary as unknown as Wiped).targets[0]?.wiped.join('; ') ?? '';
}

/** Covered by what is copied last in any case, so that there is nothing to tell of. */
const overwritten = new Set(['LVM2_member']);

for (const [life, prepare] of Object.entries(formerLives)) {
  const type = new RegExp(life.split(' ')[0] ?? '');
  for (const [size, bytes] of [
    ['of the same size', sizeBytes],
    ['a larger one', largerBytes],
  ] as const) {
    test.serial(`a former ${life}, ${size}, is taken for nothing but the copy`, async (t) => {
      const { directory, source, state } = await makeSource(t, 'mkfs.ext4 -q -F');
      const file = await sparseFile(path.join(directory, 'target.img'), bytes);
      await prepare(file, bytes);
      t.regex(await takenFor(file), type, 'the tools know the former life');
      const target = await attachLoop(t, file);
      const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
      const { exitCode, summary, stderr } = await fastsyncJson(words);
      t.is(exitCode, 0, stderr);
      if (!overwritten.has(life)) t.regex(wipedOn(summary), type);
      t.is(await takenFor(target), await takenFor(source));
      if (life === 'gpt') {
        const { stdout, stderr: said } = await execa('sgdisk', ['--print', target], {
          reject: false,
        });
        t.notRegex(stdout + said, /^\s*1\s+2048/m);
      }
      await mounted(t, target);
    });
  }
}

for (const [kind, mkfs] of [
  ['XFS', 'mkfs.xfs -q -f -m crc=1 -d size=300m'],
  ['NTFS', 'mkntfs -q -F -f -s 512 -p 0 -H 0 -S 0'],
] as const) {
  test.serial(`${kind}: labels in gaps and at the end`, async (t) => {
    const { directory, source, state } = await makeSource(t, mkfs, 300 * mebibyte);
    const target = await sparseFile(path.join(directory, 'target.img'), 300 * mebibyte);
    await formerLives.zfs_member?.(target, 300 * mebibyte);
    await execa('sh', ['-c', `mkfs.btrfs -q -f ${target}`]);
    await formerLives.linux_raid_member?.(target, 300 * mebibyte);
    const words = ['init', '--src', source, '--dst', target, '--compare', '--yes', ...state];
    const { exitCode, summary, stderr } = await fastsyncJson(words);
    t.is(exitCode, 0, stderr);
    t.regex(wipedOn(summary), /btrfs.*67108864/, 'also what only repair tools look for');
    t.is(await takenFor(target), await takenFor(source));
  });
}

test.serial('a partition is a volume of its own: its end is looked at too', async (t) => {
  const { directory, source, state } = await makeSource(t, 'true');
  const partition = { start: mebibyte, length: 24 * mebibyte };
  const table = 'label: gpt\nstart=1MiB, size=24MiB\n';
  await execa('sfdisk', ['-q', source], { input: table });
  const offset = `offset=${partition.start}`;
  await execa('mkfs.ext4', ['-q', '-F', '-E', offset, source, '24M']);
  const target = await sparseFile(path.join(directory, 'target.img'), sizeBytes);
  const inside = async (file: string) =>
    attachLoop(t, file, [
      '--offset',
      String(partition.start),
      '--sizelimit',
      String(partition.length),
    ]);
  const before = await inside(target);
  await formerLives.linux_raid_member?.(before, partition.length);
  t.regex(await takenFor(before), /linux_raid_member/);
  await execa('losetup', ['--detach', before]);
  const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
  const { exitCode, summary, stderr } = await fastsyncJson(words);
  t.is(exitCode, 0, stderr);
  t.regex(wipedOn(summary), /linux_raid_member/);
  t.is(await takenFor(target), await takenFor(source));
  t.is(await takenFor(await inside(target)), await takenFor(await inside(source)));
});

test.serial('what the source uses is never wiped, whatever it looks like', async (t) => {
  const { directory, source, state } = await makeSource(t, 'mkfs.ext4 -q -F');
  const { directory: mount, unmount } = await mounted(t, source, ['-o', 'loop']);
  // A file that fills the volume, and holds at its end what md would have there.
  await execa('sh', ['-c', `head -c 100M /dev/zero | tr '\\0' x > ${mount}/all || true`]);
  await unmount();
  const target = await sparseFile(path.join(directory, 'target.img'), sizeBytes);
  await formerLives.linux_raid_member?.(target, sizeBytes);
  const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
  const { exitCode, stderr } = await fastsyncJson(words);
  t.is(exitCode, 0, stderr);
  await t.notThrowsAsync(execa('e2fsck', ['-fn', target]));
  const sums = [];
  for (const image of [source, target]) {
    const { directory: at, unmount: leave } = await mounted(t, image, ['-o', 'loop,ro']);
    sums.push((await execa('sha256sum', ['all'], { cwd: at })).stdout);
    await leave();
  }
  t.is(sums[0], sums[1]);
});

for (const when of ['when it goes on', 'when it compares']) {
  test.serial(`labels that come while a run is interrupted: wiped ${when}`, async (t) => {
    const { directory, source, state } = await makeSource(t, 'mkfs.ext4 -q -F');
    const data = path.join(directory, 'data');
    await execa('dd', ['if=/dev/urandom', `of=${data}`, 'bs=1M', 'count=32', 'status=none']);
    await execa('debugfs', ['-w', '-R', `write ${data} data`, source]);
    const target = await sparseFile(path.join(directory, 'target.img'), sizeBytes);
    const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
    const child = fastsync([...words, '--bwlimit', '8M', '--json'], { buffer: false });
    for await (const line of child.iterable()) {
      const { type, phase } = JSON.parse(String(line)) as JsonLine;
      if (type === 'status' && phase === 'copying') child.kill('SIGINT');
    }
    t.is((await child).exitCode, 5);
    await formerLives.linux_raid_member?.(target, sizeBytes);
    const compare = when === 'when it compares' ? ['--compare'] : [];
    const { exitCode, summary, stderr } = await fastsyncJson([...words, ...compare]);
    t.is(exitCode, 0, stderr);
    t.regex(wipedOn(summary), /linux_raid_member/);
    t.is(await takenFor(target), await takenFor(source));
    await execa('e2fsck', ['-fn', target]);
  });
}
