/**
 * Layouts that real volumes grow over years and no tool makes on demand, built by editing: each is
 * first read by ntfsprogs, which must agree with what is read here.
 */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { dataOf, decodeRuns, nonResident, NtfsImage, resident, types } from './edit.js';
import {
  bitmapBytes,
  replaceData,
  scatterBitmap,
  scatterMft,
  spare,
  splitBitmap,
} from './scatter.js';
import {
  clusterDifferences,
  clustersByNtfscat,
  makeNtfs,
  mapImage,
  mebibyte,
  whileMounted,
} from './support.js';

const clusterBytes = 512;
const smallClusters = ['--cluster-size', String(clusterBytes)];
interface Edited {
  readonly image: string;
  readonly map: UsedMap;
  readonly isUsed: Uint8Array;
}

/** A volume of 512-byte clusters, edited, with its map and the clusters that ntfscat finds used. */
async function edited(
  t: ExecutionContext,
  edit: (volume: NtfsImage) => void,
  sizeBytes = 16 * mebibyte,
): Promise<Edited> {
  const image = await makeNtfs(t, sizeBytes, smallClusters);
  return editImage(image, edit);
}

async function editImage(image: string, edit: (volume: NtfsImage) => void): Promise<Edited> {
  const volume = new NtfsImage(await readFile(image));
  edit(volume);
  await writeFile(image, volume.bytes);
  const map = await mapImage(image);
  const { clusters } = map.filesystem.geometry;
  return { image, map, isUsed: await clustersByNtfscat(image, Number(clusters)) };
}

function assertExact(t: ExecutionContext, { map, isUsed }: Edited): void {
  t.deepEqual(clusterDifferences(map, isUsed).slice(0, 10), []);
  t.deepEqual(map.notes, []);
  t.deepEqual(map.hazards, []);
}

test('$Bitmap in a run for each cluster, backwards', async (t) => {
  const made = await edited(t, (volume) => {
    const dataBytes = bitmapBytes(volume);
    const runs = scatterBitmap(volume);
    t.is(runs.length, 8);
    const data = { type: types.data, instance: 50, runs, clusterBytes, dataBytes };
    replaceData(volume, 6, [nonResident(data)]);
  });
  assertExact(t, made);
  t.is(made.map.locate((spare + 3) * clusterBytes), '$Bitmap');
});

for (const listIsResident of [true, false]) {
  test(`$Bitmap with ${listIsResident ? 'a resident' : 'a non-resident'} attribute list`, async (t) => {
    const made = await edited(t, (volume) => {
      splitBitmap(volume, listIsResident ? null : 4000);
    });
    assertExact(t, made);
  });
}

test('$Bitmap resident in its record', async (t) => {
  const made = await edited(
    t,
    (volume) => {
      const [run] = decodeRuns(dataOf(volume.attributes(6)));
      if (run?.lcn == null) throw new Error('Expected $Bitmap in clusters');
      volume.setUsed(run.lcn, false);
      const at = run.lcn * clusterBytes;
      const bits = Buffer.from(volume.bytes.subarray(at, at + bitmapBytes(volume)));
      volume.bytes.fill(0xee, at, at + clusterBytes);
      replaceData(volume, 6, [resident(types.data, 50, bits)]);
    },
    2 * mebibyte - clusterBytes,
  );
  assertExact(t, made);
});

test('$Bitmap past its initialized size is zeros, whatever lies on the disk', async (t) => {
  const made = await edited(t, (volume) => {
    const dataBytes = bitmapBytes(volume);
    const runs = decodeRuns(dataOf(volume.attributes(6)));
    const initializedBytes = 3000;
    const [run] = runs;
    if (run?.lcn == null) throw new Error('Expected $Bitmap in clusters');
    const at = run.lcn * clusterBytes;
    volume.bytes.fill(0xff, at + initializedBytes, at + dataBytes);
    const data = { type: types.data, instance: 50, runs, clusterBytes, dataBytes };
    replaceData(volume, 6, [nonResident({ ...data, initializedBytes })]);
  });
  t.deepEqual(clusterDifferences(made.map, made.isUsed), []);
  t.is(made.isUsed[24_001], 0);
  t.deepEqual(
    made.map.notes.map(({ code, severity }) => [code, severity]),
    [['NTFS_BITMAP_UNINITIALIZED', 'info']],
  );
});

test('clusters that $Bitmap is too short for are unknown', async (t) => {
  const dataBytes = 3000;
  const whole = await edited(t, () => undefined);
  const { map } = await editImage(whole.image, (volume) => {
    const runs = decodeRuns(dataOf(volume.attributes(6)));
    const data = { type: types.data, instance: 50, runs, clusterBytes, dataBytes };
    replaceData(volume, 6, [nonResident({ ...data, allocatedBytes: 8 * clusterBytes })]);
  });
  const end = dataBytes * 8 * clusterBytes;
  t.is(map.ranges.find(end).reason, 'unknown');
  t.is(map.ranges.find(end).start, end);
  const known = clusterDifferences(map, whole.isUsed.subarray(0, dataBytes * 8));
  t.deepEqual(known, []);
  t.deepEqual(
    map.notes.map(({ code }) => code),
    ['NTFS_BITMAP_SHORT'],
  );
});

test('clusters that a hole in $Bitmap speaks of are unknown', async (t) => {
  const { map } = await edited(t, (volume) => {
    const dataBytes = bitmapBytes(volume);
    const [run] = decodeRuns(dataOf(volume.attributes(6)));
    if (run?.lcn == null) throw new Error('Expected $Bitmap in clusters');
    volume.setUsed(run.lcn + 6, false);
    const runs = [
      { lcn: run.lcn, count: 6 },
      { lcn: null, count: 1 },
      { lcn: run.lcn + 7, count: 1 },
    ];
    const data = { type: types.data, instance: 50, runs, clusterBytes, dataBytes };
    replaceData(volume, 6, [nonResident(data)]);
  });
  const clusters = 8 * clusterBytes;
  const hole = map.ranges.find(6 * clusters * clusterBytes);
  t.deepEqual(hole, {
    start: 6 * clusters * clusterBytes,
    length: clusters * clusterBytes,
    reason: 'unknown',
  });
  t.deepEqual(
    map.notes.map(({ code }) => code),
    ['NTFS_BITMAP_SPARSE'],
  );
});

test('padding bits behind the last cluster mean nothing', async (t) => {
  const whole = await edited(t, () => undefined);
  const { clusters } = whole.map.filesystem.geometry;
  const cleared = await editImage(whole.image, (volume) => {
    t.true(volume.isUsed(Number(clusters)));
    for (let cluster = Number(clusters); cluster < bitmapBytes(volume) * 8; cluster++) {
      volume.setUsed(cluster, false);
    }
  });
  assertExact(t, cleared);
  t.deepEqual([...cleared.map.ranges], [...whole.map.ranges]);
});

/** The number of files whose records the edited $MFT must still give to ntfs-3g. */
const fileCount = 100;

for (const pieces of [1, 2, 3]) {
  test(`$MFT in scattered runs, described in ${pieces} records`, async (t) => {
    const image = await makeNtfs(t, 16 * mebibyte, smallClusters);
    await whileMounted(t, image, async (directory) => {
      for (let index = 0; index < fileCount; index++) {
        await writeFile(path.join(directory, `file ${index}`), `content ${index}`);
      }
    });
    let mftClusters = 0;
    const made = await editImage(image, (volume) => {
      mftClusters = scatterMft(volume, pieces);
    });
    assertExact(t, made);
    t.true(mftClusters > 200);
    const named = [...made.isUsed.keys()].filter(
      (cluster) => made.map.locate(cluster * clusterBytes) === '$MFT',
    );
    // Its bitmap is a stream of $MFT too.
    t.true(named.length >= mftClusters);
    await whileMounted(t, image, async (directory) => {
      t.is((await readdir(directory)).length, fileCount);
      const last = path.join(directory, `file ${fileCount - 1}`);
      t.is(await readFile(last, 'utf8'), `content ${fileCount - 1}`);
    });
    await execa('ntfsfix', ['--no-action', image]);
  });
}

for (const [name, clusterOf] of [
  ['$Boot', () => 3],
  ['$MFT', (volume: NtfsImage) => volume.mftAt / clusterBytes + 20],
  ['$MFTMirr', (volume: NtfsImage) => volume.mirrorAt / clusterBytes],
  ['$LogFile', (volume: NtfsImage) => firstCluster(volume, 2)],
  ['$Bitmap', (volume: NtfsImage) => firstCluster(volume, 6)],
  ['$UpCase', (volume: NtfsImage) => firstCluster(volume, 10)],
] as const) {
  test(`a bitmap that calls ${name} free is not believed at all`, async (t) => {
    const { map } = await edited(t, (volume) => {
      const cluster = clusterOf(volume);
      t.true(volume.isUsed(cluster));
      volume.setUsed(cluster, false);
    });
    t.is(map.ranges.totals().free, 0);
    t.deepEqual(
      map.notes.map(({ code }) => code),
      ['NTFS_BITMAP_WRONG'],
    );
    t.true(map.notes[0]?.message.includes(name));
  });
}

function firstCluster(volume: NtfsImage, record: number): number {
  const [run] = decodeRuns(dataOf(volume.attributes(record)));
  if (run?.lcn == null) throw new Error('Expected clusters');
  return run.lcn;
}

test('a damaged record 0 is taken from the mirror', async (t) => {
  const whole = await edited(t, () => undefined);
  const bytes = await readFile(whole.image);
  const { mftAt } = new NtfsImage(bytes);
  await writeFile(whole.image, bytes.fill(0, mftAt, mftAt + 512));
  const map = await mapImage(whole.image);
  t.deepEqual([...map.ranges], [...whole.map.ranges]);
  t.deepEqual(
    map.notes.map(({ code }) => code),
    ['NTFS_MFT_DAMAGED'],
  );
});
