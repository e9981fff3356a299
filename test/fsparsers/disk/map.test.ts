/** Maps of whole disks: what lies in the partitions by its parser, all the rest used. */

import test from 'ava';
import { execa } from 'execa';
import {
  emptyDisk,
  freeWithin,
  makeNtfsWithin,
  mapDisk,
  mebibyte,
  partition,
  rewriteGpt,
} from './support.js';

const script = {
  gpt: 'label: gpt\nstart=8M, size=32M\nstart=48M, size=16M\n',
  dos: 'label: dos\nstart=8M, size=32M, type=7\nstart=44M, size=40M, type=f\nstart=48M, size=16M, type=83\n',
};

for (const scheme of ['gpt', 'dos'] as const) {
  test(`${scheme}: an NTFS partition is mapped, an unknown one is used whole`, async (t) => {
    const image = await emptyDisk(t, 96 * mebibyte);
    await partition(t, image, script[scheme]);
    await makeNtfsWithin(t, image, 8, 32);
    const map = await mapDisk(image);
    const ntfsEnd = 40 * mebibyte;
    t.true(freeWithin(map, 8 * mebibyte, ntfsEnd) > 20 * mebibyte);
    t.is(freeWithin(map, 0, 8 * mebibyte), 0);
    t.is(freeWithin(map, ntfsEnd, 96 * mebibyte), 0);
    const found = map.partitions?.map(({ index, filesystem }) => [index, filesystem?.type ?? null]);
    const unknown =
      scheme === 'gpt'
        ? [[2, null]]
        : [
            [2, null],
            [5, null],
          ];
    t.deepEqual(found, [[1, 'ntfs'], ...unknown]);
    t.is(map.locate(0), scheme === 'gpt' ? 'protective MBR' : 'MBR');
    t.is(map.locate(8 * mebibyte), 'partition 1: boot sector');
    t.is(map.locate(7 * mebibyte), 'outside all partitions');
    t.is(map.filesystem.type, scheme);
    if (scheme === 'gpt') t.is(map.locate(map.deviceBytes - 1), 'backup GPT header');
    else t.is(map.locate(46 * mebibyte), 'partition 2: between logical partitions');
  });
}

test('a file system larger than its partition costs that partition only', async (t) => {
  const image = await emptyDisk(t, 128 * mebibyte);
  await partition(t, image, 'label: gpt\nstart=8M, size=16M\nstart=64M, size=32M\n');
  await makeNtfsWithin(t, image, 8, 32);
  await makeNtfsWithin(t, image, 64, 32);
  const map = await mapDisk(image);
  t.is(freeWithin(map, 0, 64 * mebibyte), 0);
  t.true(freeWithin(map, 64 * mebibyte, 96 * mebibyte) > 20 * mebibyte);
  t.regex(map.partitions?.[0]?.problem ?? '', /the device 16777216/);
  t.is(map.partitions?.[1]?.filesystem?.type, 'ntfs');
});

test('overlapping partitions are used whole, others are not', async (t) => {
  const image = await emptyDisk(t, 128 * mebibyte);
  await partition(
    t,
    image,
    'label: gpt\nstart=8M, size=32M\nstart=50M, size=8M\nstart=64M, size=32M\n',
  );
  await makeNtfsWithin(t, image, 8, 32);
  await makeNtfsWithin(t, image, 64, 32);
  await rewriteGpt(image, (_, entries) => {
    entries.writeBigUInt64LE(BigInt((39 * mebibyte) / 512), 128 + 32);
  });
  const map = await mapDisk(image);
  t.is(freeWithin(map, 0, 64 * mebibyte), 0);
  t.true(freeWithin(map, 64 * mebibyte, 96 * mebibyte) > 20 * mebibyte);
  t.is(map.partitions?.[0]?.problem, 'overlaps partition 2');
  t.is(map.partitions?.[1]?.problem, 'overlaps partition 1');
});

test('an MBR in sectors of 4096 bytes is recognised by what lies in its partitions', async (t) => {
  const image = await emptyDisk(t, 256 * mebibyte);
  await partition(t, image, 'label: dos\nstart=2048, size=8192, type=7\n', 4096);
  await makeNtfsWithin(t, image, 8, 32);
  const map = await mapDisk(image);
  t.is(map.filesystem.blockBytes, 4096);
  t.is(map.partitions?.[0]?.filesystem?.type, 'ntfs');
  t.is(freeWithin(map, 0, 8 * mebibyte), 0);
});

test('an MBR that makes sense in two sizes of sectors is ambiguous', async (t) => {
  const image = await emptyDisk(t, 256 * mebibyte);
  await partition(t, image, 'label: dos\nstart=16384, size=8192, type=7\n');
  await makeNtfsWithin(t, image, 8, 4);
  await makeNtfsWithin(t, image, 64, 32);
  await t.throwsAsync(mapDisk(image), { code: 'AMBIGUOUS', message: /512 and of 4096 bytes/ });
});

test('a hybrid MBR with a partition that the GPT does not know keeps its bytes', async (t) => {
  const image = await emptyDisk(t, 64 * mebibyte);
  await partition(t, image, 'label: gpt\nstart=8M, size=32M\n');
  await makeNtfsWithin(t, image, 8, 32);
  const entry = Buffer.alloc(16);
  entry[4] = 0x83;
  entry.writeUInt32LE((20 * mebibyte) / 512, 8);
  entry.writeUInt32LE((4 * mebibyte) / 512, 12);
  await execa('dd', [`of=${image}`, 'bs=1', 'seek=462', 'conv=notrunc', 'status=none'], {
    input: entry,
  });
  const map = await mapDisk(image);
  t.is(freeWithin(map, 20 * mebibyte, 24 * mebibyte), 0);
  t.true(freeWithin(map, 8 * mebibyte, 20 * mebibyte) > 8 * mebibyte);
  t.true(map.notes.some(({ code }) => code === 'MBR_HYBRID'));
});
