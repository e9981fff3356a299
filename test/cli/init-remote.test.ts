/** `fastsync init` onto another host: over a real sshd, the target written by `fastsync agent` alone. */

import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { otherHost } from '../support/far.js';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import {
  checkLoad,
  fsyncLoad,
  type OnlineKind,
  onlineKinds,
  onlineSource,
  seedOnline,
} from '../support/online.js';
import { ext4, replicaBytes, smallXfs } from '../support/replica.js';
import { attachLoop, sparseFile } from '../support/scratch.js';
import {
  type Kind,
  makePair,
  mebibyte,
  mountedKind,
  ntfsKind,
  type Pair,
  proveSame,
} from '../support/seeding.js';

/** All that is in use is equal, byte by byte, as both are read here. */
async function proveEqual(t: ExecutionContext, { source, state }: Pair, target: string) {
  const { exitCode, ranges } = await fastverifyJson(['--src', source, '--dst', target, ...state]);
  t.is(exitCode, 0, JSON.stringify(ranges));
}

const kinds: Readonly<Record<string, Kind>> = { ext4, xfs: smallXfs, ntfs: ntfsKind() };

for (const [name, kind] of Object.entries(kinds)) {
  test.serial(`${name}: files and devices over there become the same file system`, async (t) => {
    const pair = await makePair(t, kind, replicaBytes);
    const { far, initWords } = await otherHost(t);
    const image = await sparseFile(path.join(pair.directory, 'device.img'), replicaBytes);
    await fillWithGarbage(image, replicaBytes, 5);
    const device = await attachLoop(t, image);
    const words = initWords(pair.source, [far(pair.target), far(device)], pair.state);
    const { exitCode, summary, stderr } = await fastsyncJson([...words, '--yes', '--verify']);
    t.is(exitCode, 0, stderr);
    t.is(summary.outcome, 'done');
    t.is(summary.readBytes, summary.copiedBytes);
    t.is(summary.verifiedBytes, Number(summary.copiedBytes) * 2);
    t.true(Number(summary.copiedBytes) < (replicaBytes * 3) / 4, 'free space is not copied');
    await execa('blockdev', ['--flushbufs', device]);
    for (const target of [pair.target, image]) {
      await proveEqual(t, pair, target);
      await proveSame(t, kind, pair.source, target);
    }
  });
}

test.serial('a new file over there, and files of other sizes', async (t) => {
  const pair = await makePair(t, ext4, replicaBytes);
  const { far, initWords } = await otherHost(t);
  const at = (name: string) => path.join(pair.directory, name);
  await fillWithGarbage(await sparseFile(at('larger'), 60 * mebibyte), 60 * mebibyte, 5);
  await sparseFile(at('smaller'), 5 * mebibyte + 13);
  await sparseFile(at('empty'), 0);
  for (const name of ['new', 'larger', 'smaller', 'empty']) {
    const words = initWords(pair.source, [far(at(name))], pair.state);
    const { exitCode, stderr } = await fastsyncJson([...words, '--yes']);
    t.is(exitCode, 0, `${name}: ${stderr}`);
    t.is((await stat(at(name))).size, replicaBytes, name);
    await proveEqual(t, pair, at(name));
    await proveSame(t, ext4, pair.source, at(name));
  }
  const allocated = (await stat(at('new'))).blocks * 512;
  t.true(allocated < (replicaBytes * 3) / 4, 'what is free is a hole in a new file');
});

test.serial('--compare writes what has changed and nothing else', async (t) => {
  const pair = await makePair(t, ext4, replicaBytes);
  const { far, initWords } = await otherHost(t);
  const words = [...initWords(pair.source, [far(pair.target)], pair.state), '--yes', '--compare'];
  t.is((await fastsyncJson(words)).exitCode, 0);
  const same = await fastsyncJson(words);
  t.is(same.exitCode, 0, same.stderr);
  // The header is cleared and written again; all else stays.
  t.true(Number(same.summary.writtenBytes) <= mebibyte, String(same.summary.writtenBytes));
  const filled = await mountedKind(t, ext4, pair.source);
  const file = path.join(filled.directory, 'large');
  await execa('dd', ['if=/dev/urandom', `of=${file}`, 'bs=4096', 'count=1', 'conv=notrunc,fsync']);
  await filled.unmount();
  const changed = await fastsyncJson(words);
  t.is(changed.exitCode, 0, changed.stderr);
  t.true(Number(changed.summary.writtenBytes) <= 2 * mebibyte);
  t.true(Number(changed.summary.identicalBytes) > 10 * mebibyte);
  await proveEqual(t, pair, pair.target);
  await proveSame(t, ext4, pair.source, pair.target);
});

for (const kind of ['a file', 'a device']) {
  test.serial(`--free zero clears what is free on ${kind}`, async (t) => {
    const pair = await makePair(t, ext4, replicaBytes);
    const { far, initWords } = await otherHost(t);
    const target = kind === 'a file' ? pair.target : await attachLoop(t, pair.target);
    const words = initWords(pair.source, [far(target)], pair.state);
    const { exitCode, stderr } = await fastsyncJson([...words, '--yes', '--free', 'zero']);
    t.is(exitCode, 0, stderr);
    const here = path.join(pair.directory, 'here.img');
    const local = ['init', '--src', pair.source, '--dst', here, ...pair.state];
    t.is((await fastsyncJson(local)).exitCode, 0);
    // In a new file all that is not copied is a hole.
    await t.notThrowsAsync(execa('cmp', [here, target]));
    await proveSame(t, ext4, pair.source, pair.target);
  });
}

test.serial('targets here and there at once, the source read once', async (t) => {
  const pair = await makePair(t, ext4, replicaBytes);
  const { far, initWords } = await otherHost(t);
  const at = (name: string) => path.join(pair.directory, name);
  const device = await attachLoop(t, await sparseFile(at('device.img'), replicaBytes));
  const targets = [far(pair.target), at('here'), far(at('there')), far(device)];
  const words = initWords(pair.source, targets, pair.state);
  const { exitCode, summary, stderr } = await fastsyncJson([...words, '--yes', '--verify']);
  t.is(exitCode, 0, stderr);
  t.is(summary.readBytes, summary.copiedBytes);
  t.deepEqual(
    (summary.targets as { path: string }[]).map((target) => target.path),
    targets,
  );
  for (const target of [pair.target, at('here'), at('there'), device]) {
    await proveEqual(t, pair, target);
  }
});

test.serial('a dry run tells what it would do over there, and does none of it', async (t) => {
  const pair = await makePair(t, ext4, replicaBytes);
  const { far, initWords } = await otherHost(t);
  const fresh = path.join(pair.directory, 'new');
  const words = initWords(pair.source, [far(pair.target), far(fresh)], pair.state);
  const before = await readFile(pair.target);
  const dry = await fastsync([...words, '--yes', '--dry-run']);
  t.is(dry.exitCode, 0, String(dry.stderr));
  t.regex(String(dry.stdout), /would copy: .*\n.*to: +backup:\//);
  t.true((await readFile(pair.target)).equals(before));
  await t.throwsAsync(stat(fresh));
  t.regex(String(dry.stdout), /would skip: .* left alone/);
});

for (const [name, kind] of Object.entries({ ext4: onlineKinds.ext4, xfs: onlineKinds.xfs })) {
  test.serial(`${name}: a source in use, under a writer that knows what it fsynced`, async (t) => {
    const online: OnlineKind = kind;
    const source = await onlineSource(t, online);
    const { far, sshd } = await otherHost(t);
    const load = await fsyncLoad(t, source, 'load', 21);
    const image = await sparseFile(path.join(source.scratch, 'device.img'), online.sizeBytes);
    const device = await attachLoop(t, image);
    const near = path.join(source.scratch, 'near.img');
    const more = ['--dst', near, ...sshd.words];
    const { pointInTimeMs } = await seedOnline(source, far(device), more);
    await load.stop();
    await execa('blockdev', ['--flushbufs', device]);
    for (const target of [image, near]) {
      const { checked, lost } = await checkLoad(t, online, target, load, pointInTimeMs);
      t.deepEqual(lost, []);
      t.true(checked > 5);
    }
  });
}
