/** Every byte that changed on a device was drained, whatever kind of device it is. */

import assert from 'node:assert/strict';
import { execa } from 'execa';
import { fillWithGarbage } from '../../support/garbage.js';
import { seededRandom } from '../../support/random.js';
import { load, mebibyte, trackerOf } from '../../tracker/support.js';
import { kernelBefore, kernelTest } from './kernel-test.js';
import * as stacks from './stacks.js';
import { passUntil, Watch } from './watch.js';

const operations = 400;
/** In units of 4 KiB: small writes leave much of the device as it was. */
const largest = 16;

for (const [index, name] of (
  ['virtio', 'partition', 'loop', 'linear', 'crypt', 'thin', 'brd', 'zram'] as const
).entries()) {
  const isRefused = kernelBefore(6, 3) && /brd|zram/.test(name);

  if (isRefused) {
    kernelTest(`${name}: refused`, async (t) => {
      const { top } = await stacks[name](t);
      await assert.rejects(trackerOf(t, top), {
        code: 'TRACKER_UNSUPPORTED',
        message: /before Linux 6\.3/,
      });
    });
    continue;
  }

  kernelTest(`${name}: what changed was drained`, async (t) => {
    const random = seededRandom(t, 40 + index);
    const { top, lower, settle } = await stacks[name](t);
    await fillWithGarbage(top, 24 * mebibyte);
    await settle();
    const upper = await Watch.start(t, top);
    const below = [];
    for (const disk of lower) below.push(await Watch.start(t, disk));
    const work = async () => {
      await load(top, random.between(0, 2 ** 31), operations, largest);
      await settle();
    };
    await passUntil([upper, ...below], work());
    for (const watch of [upper, ...below]) {
      const { changedBytes, drainedBytes, drains } = await watch.check();
      t.log(`${watch.device}: ${changedBytes} changed, ${drainedBytes} drained, ${drains} drains`);
      assert.ok(changedBytes > 0 && drains > 1);
      assert.ok((await watch.tracker.health()).eventsSeen > 0);
    }
    // Not by marking everything.
    const place = [`seek=${9 * mebibyte}`, 'oflag=direct,seek_bytes', 'bs=4096', 'count=1'];
    await execa('dd', ['if=/dev/urandom', `of=${top}`, ...place]);
    const { dirty } = await upper.tracker.drain();
    assert.deepEqual([...dirty], [9 * mebibyte, 4096]);
  });
}
