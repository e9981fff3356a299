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

const names = [
  'virtio',
  'partition',
  'loop',
  'linear',
  'crypt',
  'thin',
  'brd',
  'zram',
  'nvme',
  'scsi',
  'raid1',
  'raid0',
] as const;

/** What a refusal says, of a device that is refused. */
function refusalOf(name: string): RegExp | null {
  if (name === 'raid0') return /write to an array of this level completes/;
  return kernelBefore(6, 3) && /brd|zram/.test(name) ? /before Linux 6\.3/ : null;
}

for (const [index, name] of names.entries()) {
  const message = refusalOf(name);

  if (message !== null) {
    kernelTest(`${name}: refused`, async (t) => {
      const { top } = await stacks[name](t);
      await assert.rejects(trackerOf(t, top), { code: 'TRACKER_UNSUPPORTED', message });
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
