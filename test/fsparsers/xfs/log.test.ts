/** Logs of every kind: v4's, external ones, torn and overwritten ends, frozen volumes. */

import { copyFile, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import type { JournalState, UsedMap } from '../../../fsparsers/usedmap.js';
import { seededRandom, type Random } from '../../support/random.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { runLoad } from './load.js';
import {
  bytesIn,
  common,
  freeByXfsDb,
  freeOf,
  makeXfs,
  mapImage,
  mebibyte,
  minus,
  rangesOf,
  whileMounted,
} from './support.js';

const fixtures = path.join(import.meta.dirname, '../../../../fixtures/xfs');

/** Crashed under a kernel that still mounts v4, whose replay is kept beside each image. */
for (const name of ['v4-log1', 'v4-log2']) {
  test(`a crashed volume of a v4 kernel: ${name}`, async (t) => {
    const folder = await scratchDirectory(t);
    const image = path.join(folder, 'crashed.img');
    const [dump, replayed] = [path.join(folder, 'metadump'), path.join(folder, 'replayed.img')];
    await execa('zstd', ['-dq', path.join(fixtures, `${name}.img.zst`), '-o', image]);
    await execa('zstd', ['-dq', path.join(fixtures, `${name}.replayed.metadump.zst`), '-o', dump]);
    await execa('xfs_mdrestore', [dump, replayed]);
    const map = await mapImage(image);
    t.log(map.filesystem.journal.detail);
    t.is(map.filesystem.journal.state, 'replayed');
    t.deepEqual(map.notes, []);
    const [before, after] = [await freeByXfsDb(image), await freeByXfsDb(replayed)];
    t.notDeepEqual(before, after);
    t.deepEqual(freeOf(map), common(before, after));
  });
}

/** A volume with its log on a device of its own, crashed under load. */
async function crashedWithExternalLog(t: ExecutionContext) {
  const folder = await scratchDirectory(t);
  const log = await sparseFile(path.join(folder, 'log.img'), 64 * mebibyte);
  const { stdout: logDevice } = await execa('losetup', ['--find', '--show', log]);
  t.teardown(() => execa('losetup', ['--detach', logDevice], { reject: false }));
  const image = await makeXfs(t, 400 * mebibyte, ['-l', `logdev=${logDevice}`]);
  const clean = await mapImage(image, log);
  const mount = [`logdev=${logDevice}`];
  await whileMounted(
    t,
    image,
    async (directory) => {
      await runLoad(directory, seededRandom(t, 11), 400);
      await execa('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
    },
    mount,
  );
  return { image, log, clean, mount };
}

test('an external log is replayed where it is given, and missed where it is not', async (t) => {
  const { image, log, clean, mount } = await crashedWithExternalLog(t);
  t.is(clean.filesystem.journal.state, 'clean');
  t.deepEqual(
    clean.notes.map(({ code }) => code),
    ['XFS_LOG_ELSEWHERE'],
  );
  const before = await freeByXfsDb(image);
  const map = await mapImage(image, log);
  t.is(map.filesystem.journal.state, 'replayed');
  const without = await mapImage(image);
  assertNothingFree(t, without, 'external');
  const stranger = `${image}.stranger`;
  await writeFile(stranger, Buffer.alloc(64 * mebibyte, 'not a log'));
  assertNothingFree(t, await mapImage(image, stranger), 'unfollowable');

  await whileMounted(t, image, () => Promise.resolve(), mount);
  const after = await freeByXfsDb(image);
  t.deepEqual(minus(freeOf(map), common(before, after)), []);
  t.true(bytesIn(minus(common(before, after), freeOf(map))) < mebibyte);
});

function assertNothingFree(t: ExecutionContext, map: UsedMap, state: JournalState): void {
  t.is(map.filesystem.journal.state, state);
  t.is(map.filesystem.state, 'dirty');
  t.deepEqual(freeOf(map), []);
  t.true(map.notes.some(({ message }) => message.includes('everything counts as used')));
}

test('a frozen volume has a dirty log that changes nothing', async (t) => {
  const image = await makeXfs(t, 400 * mebibyte);
  await whileMounted(t, image, async (directory) => {
    await runLoad(directory, seededRandom(t, 12), 300);
    await execa('xfs_freeze', ['-f', directory]);
    try {
      const map = await mapImage(image);
      t.is(map.filesystem.journal.state, 'replayed');
      t.deepEqual(map.notes, []);
      t.deepEqual(freeOf(map), await freeByXfsDb(image));
    } finally {
      await execa('xfs_freeze', ['-u', directory]);
    }
  });
});

test('a log that grows the file system is not followed', async (t) => {
  const image = await makeXfs(t, 600 * mebibyte, ['-d', 'size=400m']);
  await whileMounted(t, image, async (directory) => {
    await execa('xfs_growfs', ['-d', directory]);
    await execa('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
  });
  assertNothingFree(t, await mapImage(image), 'unfollowable');
});

/** Spoils the log around its head; returns words for what it did. */
type Spoil = (bytes: Uint8Array, head: number, random: Random) => string;
const block = 512;

const spoils: Readonly<Record<string, Spoil>> = {
  'the last write is torn'(bytes, head, random) {
    const torn = random.between(1, 40);
    bytes.fill(0x5a, (head - torn) * block, head * block);
    return `${torn} blocks in front of the head are garbage`;
  },
  'a block of the last writes is stale'(bytes, head, random) {
    const back = random.between(1, 60);
    bytes.copyWithin((head - back) * block, 0, block);
    return `block ${head - back} is stale`;
  },
  'the last writes never came'(bytes, head, random) {
    const back = random.between(1, 80);
    bytes.fill(0, (head - back) * block, head * block);
    return `${back} blocks in front of the head are zeros`;
  },
  'a bit flips in the midst'(bytes, head, random) {
    const at = random.between(16 * block, (head / 2) * block);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    return `byte ${at} of the log`;
  },
};

for (const [name, spoil] of Object.entries(spoils)) {
  test.serial(`where the kernel replays a spoiled log, so do we: ${name}`, async (t) => {
    const random = seededRandom(t, 13);
    const image = await makeXfs(t, 300 * mebibyte);
    await whileMounted(t, image, async (directory) => {
      await runLoad(directory, random, 250);
      await execa('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
    });
    const whole = await mapImage(image);
    const head = Number(/to (\d+)/.exec(whole.filesystem.journal.detail)?.[1]);
    const [log = { start: 0, end: 0 }] = rangesOf(whole, ({ reason }) => reason === 'journal');
    for (let round = 0; round < 4; round++) {
      const spoiled = `${image}.${round}`;
      await copyFile(image, spoiled);
      const what = await spoilLog(spoiled, log.start, (bytes) => spoil(bytes, head, random));
      await assertAsTheKernel(t, spoiled, what);
    }
  });
}

async function spoilLog(
  image: string,
  at: number,
  change: (bytes: Uint8Array) => string,
): Promise<string> {
  const handle = await open(image, 'r+');
  try {
    const bytes = new Uint8Array(8 * mebibyte);
    await handle.read(bytes, 0, bytes.length, at);
    const what = change(bytes);
    await handle.write(bytes, 0, bytes.length, at);
    return what;
  } finally {
    await handle.close();
  }
}

/** Either both replay, to the same end, or both refuse; refusing alone is allowed, and logged. */
async function assertAsTheKernel(t: ExecutionContext, image: string, what: string): Promise<void> {
  const map = await mapImage(image);
  const before = await freeByXfsDb(image);
  const mounts = await whileMounted(t, image, () => Promise.resolve(true)).catch(() => false);
  const { state, detail } = map.filesystem.journal;
  t.log(`${what}: ${mounts ? 'mounts' : 'does not mount'}; ${state}, ${detail}`);
  if (!mounts) {
    t.is(state, 'unfollowable', what);
    t.deepEqual(freeOf(map), [], what);
    return;
  }
  const after = await freeByXfsDb(image);
  t.deepEqual(minus(freeOf(map), common(before, after)), [], what);
  t.is(state, 'replayed', what);
  t.true(bytesIn(minus(common(before, after), freeOf(map))) < mebibyte, what);
}
