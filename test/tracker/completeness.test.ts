/** Every byte that changed was marked: replicas that follow the tracker alone are the same in the end. */

import path from 'node:path';
import { open, readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { execa } from 'execa';
import { fillWithGarbage } from '../support/garbage.js';
import { seededRandom } from '../support/random.js';
import { attachLoop, attachPartitioned, scratchDirectory, sparseFile } from '../support/scratch.js';
import {
  deviceSource,
  differences,
  follow,
  imageSource,
  load,
  mebibyte,
  trackerOf,
} from './support.js';

for (const { name, granularityBytes, options } of [
  { name: 'in steps of 64 KiB', granularityBytes: 65536, options: [] },
  {
    name: 'in steps of 4 KiB, past the cache',
    granularityBytes: 4096,
    options: ['--direct-io=on'],
  },
]) {
  test.serial(`a whole loop device, ${name}`, async (t) => {
    const random = seededRandom(t, 5);
    const directory = await scratchDirectory(t);
    const image = await sparseFile(path.join(directory, 'image'), 48 * mebibyte + 12288);
    await fillWithGarbage(image, 48 * mebibyte);
    const replica = path.join(directory, 'replica');
    const device = await attachLoop(t, image, options);
    const tracker = await trackerOf(t, device, { granularityBytes });
    await execa('cp', [image, replica]);
    const work = load(device, random.between(0, 2 ** 31), 4000);
    await using source = await open(image);
    const { drains, drainedBytes } = await follow(t, tracker, imageSource(source), replica, work);
    t.is(await differences(image, replica), '');
    t.true(drains > 5, `${drains} drains`);
    // Each write is marked twice, and twice found if a drain comes in between.
    const touchedBytes = Number((await work).stdout);
    t.true(drainedBytes > 0 && drainedBytes <= 2 * touchedBytes, `${drainedBytes} drained`);
    t.log(`${drains} drains, ${drainedBytes} bytes of ${touchedBytes} touched`);
    t.true((await tracker.health()).eventsSeen >= 8000);
  });
}

test.serial('a partition: its own part of the disk, and nothing of its neighbours', async (t) => {
  const random = seededRandom(t, 6);
  const directory = await scratchDirectory(t);
  const disk = await sparseFile(path.join(directory, 'disk'), 64 * mebibyte);
  const script = 'label: gpt\nstart=2048,size=40960\nstart=43013,size=40967\nstart=90000\n';
  await execa('sfdisk', ['--quiet', disk], { input: script });
  const device = await attachPartitioned(t, disk);
  const part = path.join(directory, 'part');
  const replica = path.join(directory, 'replica');
  const tracker = await trackerOf(t, `${device}p2`, { granularityBytes: 4096 });
  // The partition starts at an odd sector: what of the disk it is, dd knows.
  const read = (file: string) =>
    execa('dd', [`if=${disk}`, `of=${file}`, 'bs=512', 'skip=43013', 'count=40967']);
  await read(replica);
  await load(`${device}p1`, random.between(0, 2 ** 31), 200);
  await load(`${device}p3`, random.between(0, 2 ** 31), 200);
  t.deepEqual(await tracker.drain(), { dirty: new Float64Array(0), missed: null });

  const work = load(`${device}p2`, random.between(0, 2 ** 31), 2000);
  await using source = await open(disk);
  await follow(t, tracker, imageSource(source, 43013 * 512), replica, work);
  await read(part);
  t.is(await differences(part, replica), '');

  // Through the whole disk, around the borders of the partition.
  const write = (sector: number) =>
    execa('dd', [
      'if=/dev/urandom',
      `of=${device}`,
      'bs=512',
      `seek=${sector}`,
      'count=1',
      'oflag=direct',
    ]);
  for (const [sector, expected] of [
    [43012, []],
    [43013, [0, 4096]],
    [83979, [20971520, 3584]],
    [83980, []],
  ] as const) {
    await write(sector);
    t.deepEqual([...(await tracker.drain()).dirty], [...expected], `sector ${sector}`);
  }
});

test.serial('a device that has no requests: zram', async (t) => {
  const random = seededRandom(t, 7);
  const number = (await readFile('/sys/class/zram-control/hot_add', 'utf8')).trim();
  t.teardown(() => writeFile('/sys/class/zram-control/hot_remove', number));
  await writeFile(`/sys/block/zram${number}/disksize`, '32M');
  const device = `/dev/zram${number}`;
  const directory = await scratchDirectory(t);
  const [content, replica] = [path.join(directory, 'content'), path.join(directory, 'replica')];
  await fillWithGarbage(await sparseFile(replica, 0), 32 * mebibyte);
  await execa('dd', [`if=${replica}`, `of=${device}`, 'bs=1M', 'oflag=direct']);
  const tracker = await trackerOf(t, device);
  const work = load(device, random.between(0, 2 ** 31), 3000);
  await using source = await open(device);
  const { drains } = await follow(t, tracker, deviceSource(source), replica, work);
  await execa('dd', [`if=${device}`, `of=${content}`, 'bs=1M']);
  t.is(await differences(content, replica), '');
  t.true(drains > 5);
});
