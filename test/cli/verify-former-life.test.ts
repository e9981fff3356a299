/** `fastverify` of a replica that a former life makes something else: equal in all that is in use, and no replica. */

import test from 'ava';
import { fastverifyJson } from '../support/fastverify.js';
import { formerLives, takenFor } from '../support/former.js';
import { equalPair, replicaBytes } from '../support/replica.js';

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
