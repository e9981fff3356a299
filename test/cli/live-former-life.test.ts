/** `fastsync live` onto a disk that had another life: its replica is taken for what its source is, and nothing else. */

import path from 'node:path';
import test from 'ava';
import { formerLives, takenFor } from '../support/former.js';
import { startLive } from '../support/following.js';
import { onlineKinds, onlineSource } from '../support/online.js';
import { attachLoop, sparseFile } from '../support/scratch.js';

const { ext4 } = onlineKinds;

test.serial('wiped when it seeds, and when it compares what it finds there', async (t) => {
  const source = await onlineSource(t, ext4);
  const file = await sparseFile(path.join(source.scratch, 'target.img'), ext4.sizeBytes);
  const target = await attachLoop(t, file);
  const age = async () => {
    await formerLives.linux_raid_member?.(target, ext4.sizeBytes);
    await formerLives['linux_raid_member 0.90']?.(target, ext4.sizeBytes);
    t.regex(await takenFor(target), /linux_raid_member/);
  };
  const words = ['--src', source.device, '--dst', target, '--interval', '0.2s'];
  for (const isReplicaRecord of [false, true]) {
    await age();
    const { exitCode, stderr } = await startLive(t, source.scratch, words).end();
    t.is(exitCode, 4);
    t.regex(stderr, /linux_raid_member/, 'it is asked about, also where all else is the replica');
    const run = startLive(t, source.scratch, [...words, '--yes']);
    const { message } = await run.line(({ message: said }) => /wiped .*raid/.test(String(said)));
    t.true(String(message).startsWith(target));
    await run.line(({ type }) => type === 'epoch');
    t.is((await run.stop()).exitCode, 0);
    const isCompared = run.lines.some(({ message: said }) => String(said).includes(': compared, '));
    t.is(isCompared, isReplicaRecord);
    t.is(await takenFor(target), await takenFor(source.device));
  }
});
