/** What a committed journal may be applied to: the replica that it was staged for, and nothing else. */

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { recover } from '../../../src/sync/index.js';
import {
  signatureAreaBytes,
  stampBytes,
  stampSector,
} from '../../../src/sync/target-header/index.js';
import { commitEpoch, ext4Bytes, followed, tear } from '../../support/followed.js';
import { followPlaces } from '../../support/live-run.js';
import { seededRandom } from '../../support/random.js';
import { mebibyte } from '../../support/seeding.js';

/** What people do to a disk that they want for something else; the target's path is added at the end. */
const wipes: Readonly<Record<string, readonly [string, ...string[]]>> = {
  mkfs: ['mkfs.ext4', '-q', '-F'],
  'mkfs of another kind': ['mkfs.xfs', '-q', '-f', '--unsupported'],
  mkswap: ['mkswap', '--quiet'],
  'a partition table': ['sh', '-c', 'echo 2048,,L | sfdisk --quiet --wipe never "$0"'],
  'what stands at 4 KiB, as the superblock of an md array does': [
    'sh',
    '-c',
    'dd if=/dev/urandom of="$0" bs=512 seek=8 count=1 conv=notrunc,fsync',
  ],
  discarding: ['sh', '-c', `truncate -s 0 "$0" && truncate -s ${ext4Bytes} "$0"`],
  'dd of its beginning': ['sh', '-c', 'dd if=/dev/zero of="$0" bs=1M count=1 conv=notrunc,fsync'],
  'dd of all': ['sh', '-c', 'dd if=/dev/urandom of="$0" bs=1M count=64 conv=notrunc,fsync'],
};

for (const [when, begin] of [
  ['before it was applied', commitEpoch],
  ['in the middle of it', tear],
] as const) {
  test.serial(`a journal is not applied to what was wiped ${when}`, async (t) => {
    const pair = await followed(t);
    const { directory, target } = pair;
    const { stateDirectory } = followPlaces(directory);
    const journal = await begin(pair);
    const [asLeft, asWiped, applied] = ['left', 'wiped', 'applied'].map((name) =>
      path.join(directory, name),
    ) as [string, string, string];
    await copyFile(target, asLeft);
    await copyFile(journal, applied);
    for (const [name, [command, ...words]] of Object.entries(wipes)) {
      await copyFile(asLeft, target);
      await execa(command, [...words, target]);
      await copyFile(target, asWiped);
      const error = await t.throwsAsync(recover(target, stateDirectory), undefined, name);
      t.like(error, { code: 'TARGET_CHANGED', exitCode: 4 }, name);
      t.is((await execa('cmp', [target, asWiped], { reject: false })).exitCode, 0, name);
    }
    await copyFile(asLeft, target);
    t.true((await recover(target, stateDirectory)).applied);
    await execa('cmp', [target, applied]);
    t.pass();
  });
}

test.serial('wherever applying was cut off, between any two sectors, it is finished', async (t) => {
  const random = seededRandom(t, 7);
  const pair = await followed(t);
  const { directory, target } = pair;
  const { stateDirectory } = followPlaces(directory);
  const before = (await readFile(target)).subarray(0, signatureAreaBytes);
  const applied = path.join(directory, 'applied');
  const none = Buffer.concat([stampSector('killed')], signatureAreaBytes);
  for (let round = 0; round < 12; round++) {
    await pair.write(`round ${round}`, mebibyte);
    await writeFile(target, before, { flag: 'r+', flush: true });
    await copyFile(await commitEpoch(pair, 1000 + round), applied);
    const after = (await readFile(applied)).subarray(0, signatureAreaBytes);
    // Behind the mark the signature area is taken away, and comes back.
    const [from, to] = random.pick([
      [before, none],
      [none, after],
    ] as const);
    const share = random.next();
    const signatureArea = Buffer.concat(
      Array.from({ length: signatureAreaBytes / stampBytes }, (_, index) =>
        (index === 0 ? none : random.next() < share ? to : from).subarray(
          index * stampBytes,
          (index + 1) * stampBytes,
        ),
      ),
    );
    await writeFile(target, signatureArea, { flag: 'r+', flush: true });
    t.true((await recover(target, stateDirectory)).applied, `round ${round}`);
    await execa('cmp', [target, applied]);
  }
});
