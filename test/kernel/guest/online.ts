/** `fastsync init --online` of a mounted file system on device-mapper, while a program writes and fsyncs. */

import assert from 'node:assert/strict';
import { execa } from 'execa';
import { checkLoad, fsyncLoad, onlineKinds, seedOnline } from '../../support/online.js';
import { mounted, scratchDirectory } from '../../support/scratch.js';
import { disks } from './disks.js';
import { kernelTest } from './kernel-test.js';
import { linear } from './stacks.js';

/** An emulated machine takes its time, and that is not what is tested. */
const maxFreeze = ['--max-freeze', '120s'];

kernelTest('init --online of ext4 on dm-linear: what was fsynced is on the target', async (t) => {
  const { ext4 } = onlineKinds;
  await execa('modprobe', ['loop']);
  const scratch = await scratchDirectory(t);
  const { top: device } = await linear(t, disks.large);
  const [mkfs, ...options] = ext4.mkfs;
  await execa(mkfs, [...options, device]);
  const { directory, unmount } = await mounted(t, device);
  const state = ['--state-dir', `${scratch}/state`];
  const load = await fsyncLoad(t, { directory, scratch }, 'load', 71);
  const source = { scratch, device, directory, unmount, state };
  const { pointInTimeMs, cutover } = await seedOnline(source, disks.otherLarge, maxFreeze);
  await load.stop();
  const { checked, lost } = await checkLoad(t, ext4, disks.otherLarge, load, pointInTimeMs);
  assert.deepEqual(lost, []);
  assert.ok(checked > 5);
  t.log(`${checked} fsyncs kept, ${cutover.rounds} rounds, frozen for ${cutover.heldMs} ms`);
});
