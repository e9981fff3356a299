/** Each format in the hands of the tool that it was made for. */

import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { eachExtent, freeExtents, usedExtents } from '../../../src/region/index.js';
import { exportMap, holdsUsed, mappedVolume } from './support.js';

test('bmaptool copies by the bmap, and the copy is sound', async (t) => {
  const volume = await mappedVolume(t);
  const bmap = await exportMap(volume, 'bmap');
  const copy = path.join(volume.directory, 'copy');
  await execa('bmaptool', ['copy', '--bmap', bmap, volume.file, copy]);
  await truncate(copy, volume.map.deviceBytes);
  t.true(await holdsUsed(volume, copy));
  await execa('e2fsck', ['-fn', copy]);
  const free = [...eachExtent(freeExtents(volume.map.ranges, 4096))].find(
    ({ length }) => length > 65536,
  );
  const bytes = (await readFile(copy)).subarray(free?.start, (free?.start ?? 0) + 65536);
  t.true(
    bytes.every((byte) => byte === 0),
    'free blocks were not copied',
  );
});

test('bmaptool refuses a bmap of which one figure was changed', async (t) => {
  const volume = await mappedVolume(t);
  const bmap = await exportMap(volume, 'bmap');
  const text = await readFile(bmap, 'utf8');
  await writeFile(bmap, text.replace(/<Range> \d/, '<Range> 1'));
  t.not(await readFile(bmap, 'utf8'), text);
  const copy = path.join(volume.directory, 'copy');
  const { failed, stderr } = await execa('bmaptool', ['copy', '--bmap', bmap, volume.file, copy], {
    reject: false,
  });
  t.true(failed);
  t.regex(stderr, /checksum/i);
});

test('ddrescue copies the domain, and its log tool lists the same blocks', async (t) => {
  const volume = await mappedVolume(t);
  const domain = await exportMap(volume, 'ddrescue');
  const copy = path.join(volume.directory, 'copy');
  const log = path.join(volume.directory, 'log');
  await execa('ddrescue', ['--quiet', `--domain-mapfile=${domain}`, volume.file, copy, log]);
  await truncate(copy, volume.map.deviceBytes);
  t.true(await holdsUsed(volume, copy));
  await execa('e2fsck', ['-fn', copy]);

  const { stdout } = await execa('ddrescuelog', ['--block-size=512', '--list-blocks=+', domain]);
  const listed = stdout.split('\n').map(Number);
  const used = [...eachExtent(usedExtents(volume.map.ranges))].flatMap(({ start, length }) =>
    Array.from({ length: length / 512 }, (_, index) => start / 512 + index),
  );
  t.deepEqual(listed, used);
});

test("nbdkit's ddrescue filter reads what is used and fails elsewhere", async (t) => {
  const volume = await mappedVolume(t);
  const domain = await exportMap(volume, 'ddrescue');
  const [free] = eachExtent(freeExtents(volume.map.ranges, 4096));
  const read = (start: number) =>
    execa(
      'nbdkit',
      [
        '--readonly',
        '--unix=-',
        '--filter=ddrescue',
        'file',
        volume.file,
        `ddrescue-mapfile=${domain}`,
        '--run',
        `qemu-io --read-only --format raw --cmd 'read ${start} 512' "$uri"`,
      ],
      { reject: false, all: true },
    );
  t.regex((await read(1024)).all, /read 512\/512 bytes/);
  t.regex((await read(free?.start ?? 0)).all, /read failed: Input\/output error/);
});

/** The runs of a list in which `same` does not change, so that two ways to cut it up compare equal. */
function joined<T extends { start: number; length: number }>(
  list: readonly T[],
  kind: (item: T) => string,
): string[] {
  const runs: { start: number; end: number; kind: string }[] = [];
  for (const item of list) {
    const last = runs.at(-1);
    if (last?.kind === kind(item)) last.end = item.start + item.length;
    else runs.push({ start: item.start, end: item.start + item.length, kind: kind(item) });
  }
  return runs.map((run) => `${run.start}-${run.end} ${run.kind}`);
}

test("nbdkit's extentlist filter gives clients the same map", async (t) => {
  const volume = await mappedVolume(t);
  const list = await exportMap(volume, 'extentlist');
  const { stdout } = await execa('nbdkit', [
    '--readonly',
    '--unix=-',
    '--filter=extentlist',
    'file',
    volume.file,
    `extentlist=${list}`,
    '--run',
    'nbdinfo --map --json "$uri"',
  ]);
  const told = JSON.parse(stdout) as { offset: number; length: number; type: number }[];
  const expected = [...volume.map.ranges];
  t.deepEqual(
    joined(
      told.map(({ offset, ...rest }) => ({ start: offset, ...rest })),
      // NBD_STATE_HOLE is 1, NBD_STATE_ZERO is 2: free is a hole, and nobody says that it is zero.
      ({ type }) => ['used', 'free'][type] ?? 'zero',
    ),
    joined(expected, ({ reason }) => (reason === 'free' ? 'free' : 'used')),
  );
});

test('the qemu format has the shape that qemu-img prints itself', async (t) => {
  const volume = await mappedVolume(t);
  type Entry = { start: number; length: number; data: boolean } & Record<string, unknown>;
  const ours = JSON.parse(await readFile(await exportMap(volume, 'qemu'), 'utf8')) as Entry[];
  t.deepEqual(
    joined(ours, ({ data }) => String(data)),
    joined([...volume.map.ranges], ({ reason }) => String(reason !== 'free')),
  );
  const shape = (entry: Entry | undefined) =>
    Object.entries(entry ?? {}).map(([key, value]) => `${key}: ${typeof value}`);

  // A qcow2 image over nothing has unallocated ranges of its own; what was written is data.
  const image = path.join(volume.directory, 'image');
  await writeFile(image, Buffer.alloc(65536, 1));
  const qemuMap = async (source: readonly string[]) => {
    const { stdout } = await execa('qemu-img', ['map', '--output=json', ...source]);
    return JSON.parse(stdout) as Entry[];
  };
  const [data] = await qemuMap(['--force-share', '--format', 'raw', image]);
  t.deepEqual(shape(ours.find((entry) => entry.data)), shape(data));
  const [unknown] = await qemuMap(['--image-opts', 'driver=null-co,size=65536']);
  t.deepEqual({ ...ours.find((entry) => !entry.data), start: 0, length: 65536 }, unknown);
});
