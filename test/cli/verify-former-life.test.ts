/** `fastverify` of a replica that a former life makes something else: equal in all that is in use, and no replica. */

import path from 'node:path';
import test from 'ava';
import { fastverifyJson } from '../support/fastverify.js';
import { formerLives, takenFor } from '../support/former.js';
import { onlineKinds, onlineSource, seedOnline } from '../support/online.js';
import { equalPair, replicaBytes } from '../support/replica.js';
import { sparseFile } from '../support/scratch.js';

test('a superblock of md behind what is in use: not proven, and repaired with a yes', async (t) => {
  const { source, target, words } = await equalPair(t);
  await formerLives.linux_raid_member?.(target, replicaBytes);
  t.not(await takenFor(target), await takenFor(source));
  const found = await fastverifyJson(words);
  t.is(found.exitCode, 3, found.stderr);
  t.regex(JSON.stringify(found.summary.doubts), /linux_raid_member/);
  t.is((await fastverifyJson([...words, '--repair'])).exitCode, 3, 'nobody has said yes');
  t.is((await fastverifyJson([...words, '--repair', '--yes'])).exitCode, 0);
  t.is(await takenFor(target), await takenFor(source));
  t.is((await fastverifyJson(words)).exitCode, 0);
});

test('against a manifest: what covers nothing in use is looked at too', async (t) => {
  const { directory, source, target, state } = await equalPair(t);
  const manifest = path.join(directory, 'manifest');
  const written = await fastverifyJson(['--src', source, '--write-manifest', manifest]);
  t.is(written.exitCode, 0, written.stderr);
  const words = ['--src', target, '--manifest', manifest, ...state];
  t.is((await fastverifyJson(words)).exitCode, 0);
  for (const life of ['linux_raid_member 0.90', 'linux_raid_member']) {
    await formerLives[life]?.(target, replicaBytes);
    t.not(await takenFor(target), await takenFor(source));
    const found = await fastverifyJson(words);
    t.is(found.exitCode, 3, found.stderr);
    t.regex(JSON.stringify(found.summary.doubts), /linux_raid_member/);
  }
  const part = await fastverifyJson([...words, '--stop', '8M']);
  t.is(part.exitCode, 0, part.stderr);
});

test.serial(
  'of a source in use: what its replica carries is seen, what it carries itself is not',
  async (t) => {
    const source = await onlineSource(t, onlineKinds.ext4);
    const { sizeBytes } = onlineKinds.ext4;
    const target = await sparseFile(path.join(source.scratch, 'target.img'), sizeBytes);
    await seedOnline(source, target);
    const words = ['--src', source.device, '--dst', target, '--online', '--lag-tolerance', '1s'];
    const before = await fastverifyJson([...words, ...source.state]);
    t.is(before.exitCode, 0, before.stderr);
    await formerLives.linux_raid_member?.(target, sizeBytes);
    const found = await fastverifyJson([...words, ...source.state]);
    t.is(found.exitCode, 3, found.stderr);
    t.regex(JSON.stringify(found.summary.doubts), /linux_raid_member/);
    await formerLives.linux_raid_member?.(source.device, sizeBytes);
    const both = await fastverifyJson([...words, '--as', 'ext', ...source.state]);
    t.is(both.exitCode, 0, both.stderr);
  },
);
