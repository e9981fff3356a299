/** kill -9 at every stage of an epoch: what is left is, or becomes, the whole state of one freeze. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { fastsyncJson } from '../support/fastsync.js';
import { startLive, statesIn } from '../support/following.js';
import { btrfsKind, proveWhole, startLoad } from '../support/fsync-load.js';
import { seededRandom } from '../support/random.js';
import { repetitions } from '../support/repetitions.js';
import { scratchDirectory } from '../support/scratch.js';
import { extKind, type Kind, mebibyte, xfsKind } from '../support/seeding.js';

const kinds: Readonly<Record<string, readonly [kind: Kind, mebibytes: number, kills: number]>> = {
  ext4: [extKind('mkfs.ext4'), 128, repetitions({ whole: 5, sample: 3 })],
  xfs: [xfsKind(), 320, 2],
};

for (const [name, [kind, mebibytes, kills]] of Object.entries(kinds)) {
  test.serial(`killed at any stage, a replica of ${name} is whole after recovery`, async (t) => {
    const random = seededRandom(t, 31);
    const load = await startLoad(t, kind, { sizeBytes: mebibytes * mebibyte, seed: 4 });
    await load.progress(20);
    const directory = await scratchDirectory(t);
    const target = path.join(directory, 'target.img');
    const words = ['--src', load.device, '--dst', target, '--interval', '0.1s'];
    const first = startLive(t, directory, words);
    await first.epoch(target, 2);
    await first.kill();

    let recovered = 0;
    for (let kill = 0; kill < kills; kill++) {
      const state = random.pick(['staging', 'applying', 'applying', 'comparing']);
      const run = startLive(t, directory, words);
      // Not at once: the status file still shows how the last run ended.
      await run.line(({ type }) => type === 'status' || type === 'epoch' || type === 'note');
      if (state !== 'comparing') {
        await run.during(async () => (await statesIn(directory)).includes(state));
      }
      await sleep(random.between(0, 60));
      await run.kill();

      // Nobody left it frozen: the writer goes on.
      await load.progress(5);
      const { exitCode, summary, stderr } = await fastsyncJson([
        ...['live', '--recover', '--dst', target],
        ...['--state-dir', path.join(directory, 'state')],
      ]);
      t.is(exitCode, 0, stderr);
      const [{ consistentAt, applied } = {}] = summary.targets as Record<string, unknown>[];
      if (applied === true) recovered++;
      const copy = path.join(directory, `recovered-${kill}.img`);
      await execa('cp', ['--sparse=always', target, copy]);
      await proveWhole(t, kind, load, copy, Date.parse(String(consistentAt)));
      await execa('rm', [copy]);
    }
    t.log(`${recovered} of ${kills} kills hit an epoch that was committed`);
  });
}

for (const [name, kind, mebibytes] of [
  ['ext4', extKind('mkfs.ext4'), 96],
  ['btrfs', btrfsKind, 128],
] as const) {
  test.serial(`a torn ${name} carries no signature until it is recovered`, async (t) => {
    const load = await startLoad(t, kind, { sizeBytes: mebibytes * mebibyte, seed: 5 });
    const directory = await scratchDirectory(t);
    const target = path.join(directory, 'target.img');
    const words = ['--src', load.device, '--dst', target, '--interval', '0.1s'];
    const first = startLive(t, directory, words);
    await first.epoch(target, 2);
    await first.kill();
    // Between an epoch's first write and its last: killed again and again until that was hit.
    do {
      const run = startLive(t, directory, words);
      await run.line(({ type }) => type === 'epoch');
      await run.during(() => isUnpublished(target));
      await run.kill();
    } while (!(await isUnpublished(target)));
    t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);
    await load.stop();

    const { exitCode, summary, stderr } = await fastsyncJson([
      ...['live', '--recover', '--dst', target, '--state-dir', path.join(directory, 'state')],
    ]);
    t.is(exitCode, 0, stderr);
    const [{ consistentAt, applied } = {}] = summary.targets as Record<string, unknown>[];
    t.true(applied);
    await proveWhole(t, kind, load, target, Date.parse(String(consistentAt)));
  });
}

/** Marked as unfinished, and empty behind that where superblocks are. */
async function isUnpublished(target: string): Promise<boolean> {
  const signatureArea = Buffer.alloc(128 * 1024);
  await using file = await open(target, 'r');
  await file.read(signatureArea, 0, signatureArea.length, 0);
  const isMarked = signatureArea.toString('latin1', 0, 8) === 'fastsync';
  return isMarked && signatureArea.subarray(512).every((byte) => byte === 0);
}
