/** Mounted file systems: what they changed on the device was drained, whoever wrote it back, and when. */

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onlineKinds } from '../../support/online.js';
import { seededRandom } from '../../support/random.js';
import { mounted } from '../../support/scratch.js';
import { disks } from './disks.js';
import { kernelTest } from './kernel-test.js';
import { linear } from './stacks.js';
import { passUntil, Watch } from './watch.js';

const steps = 250;
const program = fileURLToPath(new URL('../../../../test/kernel/guest/files.py', import.meta.url));

for (const [kind, place] of [
  ['ext4', 'dm-linear'],
  ['xfs', 'virtio'],
] as const) {
  kernelTest(`${kind} mounted from ${place}: what changed was drained`, async (t) => {
    const seed = seededRandom(t, 60).between(0, 2 ** 31);
    const device = place === 'virtio' ? disks.otherLarge : (await linear(t)).top;
    const [mkfs, ...options] = onlineKinds[kind].mkfs;
    await execa(mkfs, [...options, device]);
    const watch = await Watch.start(t, device);
    const { directory, unmount } = await mounted(t, device, ['-o', 'discard']);
    const work = async () => {
      await execa('python3', [program, directory, String(seed), String(steps)]);
      await unmount();
    };
    await passUntil([watch], work());
    const { changedBytes, drainedBytes, drains } = await watch.check();
    t.log(`${changedBytes} changed, ${drainedBytes} drained, ${drains} drains`);
    assert.ok(changedBytes > 0 && drains > 1);
  });
}
