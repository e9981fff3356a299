/** What an administrator does to a source that is followed: mounts of every kind come and go. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { startLive, statusIn } from '../support/following.js';
import { repetitions } from '../support/repetitions.js';
import { seededRandom } from '../support/random.js';
import { attachLoop, released, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const cycles = repetitions({ whole: 160, sample: 50 });
const seed = 26;

const kinds = {
  ext4: { mkfs: ['mkfs.ext4', '-q', '-F'], bytes: 64 * mebibyte, fsck: ['e2fsck', '-fn'] },
  xfs: { mkfs: ['mkfs.xfs', '-q', '-f'], bytes: 304 * mebibyte, fsck: ['xfs_repair', '-n'] },
} as const;

interface Status {
  readonly state: string;
  readonly dirtyBytes: number;
  readonly updatedAt: number;
}

async function checked([command, ...options]: readonly [string, string], volume: string) {
  return execa(command, [...options, volume], { reject: false, all: true });
}

for (const [kind, { mkfs, bytes, fsck }] of Object.entries(kinds)) {
  test.serial(`${kind}: ${cycles} mounts, writes and unmounts do not end it`, async (t) => {
    const random = seededRandom(t, seed);
    const directory = await scratchDirectory(t);
    const image = await sparseFile(path.join(directory, 'source.img'), bytes);
    const [command, ...options] = mkfs;
    await execa(command, [...options, image]);
    const device = await attachLoop(t, image);
    const target = path.join(directory, 'target.img');
    const [place, other] = [path.join(directory, 'mnt'), path.join(directory, 'bind')];
    for (const one of [place, other]) await mkdir(one);
    t.teardown(async () => {
      for (const one of [other, place]) await execa('umount', ['-l', one], { reject: false });
    });
    const words = ['--src', device, '--dst', target, '--interval', '0.05s'];
    const run = startLive(t, directory, words);
    await run.epoch(target, 1);

    /** As an administrator does it whom a freeze comes in the way. */
    const insist = async (program: string, ...rest: string[]) => {
      for (;;) {
        const { exitCode, stderr } = await execa(program, rest, { reject: false });
        if (exitCode === 0) return;
        if (!/busy|in use/.test(stderr)) throw new Error(`${program} ${rest.join(' ')}: ${stderr}`);
        await sleep(10);
      }
    };
    for (let cycle = 1; cycle <= cycles; cycle++) {
      await insist(
        'mount',
        ...(random.between(0, 4) === 0 ? ['-o', 'noatime'] : []),
        device,
        place,
      );
      const size = 1 + random.between(0, 64 * 1024);
      const file = path.join(place, `file-${random.between(0, 20)}`);
      await writeFile(file, random.bytes(size), { flush: random.between(0, 2) === 0 });
      const isBound = random.between(0, 3) === 0;
      if (isBound) await insist('mount', '--bind', place, other);
      if (random.between(0, 4) === 0) {
        await insist('mount', '-o', 'remount,ro', place);
        if (random.between(0, 2) === 0) await insist('mount', '-o', 'remount,rw', place);
      }
      // The one that is not lazy waits for all that the other leaves behind.
      const first = random.between(0, 4) === 0 ? ['-l', place] : [place];
      await insist('umount', ...first);
      if (isBound) await insist('umount', other);
      if (random.between(0, 3) === 0) await sleep(random.between(0, 60));
    }

    // A lazy unmount leaves the file system to whoever has a directory of it open, the freezer say.
    await released(device);
    await execa('sync');
    const now = Date.now();
    await run.during(async () => {
      const { state, dirtyBytes, updatedAt } = (await statusIn(directory)) as Status;
      return updatedAt > now && state === 'following' && dirtyBytes === 0;
    });
    const { exitCode, summary, stderr } = await run.stop();
    t.is(exitCode, 0, `${JSON.stringify(summary)} ${stderr}`);
    const same = await execa('cmp', [image, target], { reject: false, all: true });
    const checks = [];
    for (const volume of [target, image]) checks.push(await checked(fsck, volume));
    t.deepEqual(
      [same.exitCode, ...checks.map((check) => check.exitCode)],
      [0, 0, 0],
      [JSON.stringify(summary), same.all, ...checks.map(({ all }) => all)].join('\n'),
    );
    const digests = async (volume: string) => {
      await execa('mount', ['-o', 'loop,ro', volume, place]);
      const { stdout } = await execa('bash', ['-c', 'cd "$0" && sha256sum file-* | sort', place]);
      await execa('umount', [place]);
      return stdout;
    };
    t.is(await digests(target), await digests(image));
  });
}
