/** Free space against who owns clusters: what $Bitmap calls free though a file has it is used, and said to be. */

import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ParseError } from '../../../fsparsers/errors.js';
import { ntfsParser } from '../../../fsparsers/ntfs/index.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import type { ParserOptions } from '../../../fsparsers/parser.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { fastsync, fastsyncJson } from '../../support/fastsync.js';
import { fillWithGarbage } from '../../support/garbage.js';
import { randomFrom, seededRandom } from '../../support/random.js';
import { dataOf, decodeRuns, NtfsImage, nonResident, types, unprotect } from './edit.js';
import { mutateRecord, protectIfPossible } from './mutate.js';
import { replaceData } from './scatter.js';
import { makeNtfs, mebibyte, whileMounted } from './support.js';

const parse = (bytes: Uint8Array, options: ParserOptions = {}): Promise<UsedMap> =>
  ntfsParser.parse(new BufferReader(bytes), options);

/** Files with clusters of their own, with their record numbers as the driver tells them. */
async function volumeWithFiles(
  t: ExecutionContext,
  names: readonly string[],
  options: readonly string[] = [],
) {
  const image = await makeNtfs(t, 24 * mebibyte, options);
  const random = randomFrom(3);
  const records = new Map<string, number>();
  await whileMounted(t, image, async (directory) => {
    for (const name of names) {
      const file = path.join(directory, name);
      await writeFile(file, random.bytes(200_000));
      records.set(name, (await stat(file)).ino);
    }
  });
  const volume = new NtfsImage(await readFile(image));
  return { image, volume, recordOf: (name: string) => records.get(name) ?? 0 };
}

/** Clears the bits of a file's clusters, as a resize that was interrupted leaves them. */
function freeClustersOf(volume: NtfsImage, record: number): void {
  for (const cluster of clustersOf(volume, record)) volume.setUsed(cluster, false);
}

function clustersOf(volume: NtfsImage, record: number): number[] {
  return decodeRuns(dataOf(volume.attributes(record))).flatMap(({ lcn, count }) =>
    lcn === null ? [] : Array.from({ length: count }, (_, index) => lcn + index),
  );
}

async function sumOf(t: ExecutionContext, image: string, name: string): Promise<string> {
  let sum = '';
  await whileMounted(t, image, async (directory) => {
    sum = (await execa('sha256sum', [path.join(directory, name)])).stdout.split(' ')[0] ?? '';
  });
  return sum;
}

test.serial('a file whose clusters $Bitmap calls free is copied whole, and named', async (t) => {
  const { image, volume, recordOf } = await volumeWithFiles(t, ['kept.bin', 'other.bin']);
  const expected = await sumOf(t, image, 'kept.bin');
  freeClustersOf(volume, recordOf('kept.bin'));
  await writeFile(image, volume.bytes);
  const clone = await execa('ntfsclone', ['--save-image', '--output', '-', image], {
    reject: false,
    encoding: 'buffer',
  });
  t.not(clone.exitCode, 0, 'ntfsclone refuses it');

  for (const [choice, isSame] of [
    ['none', false],
    ['auto', true],
  ] as const) {
    const target = `${image}.${choice}`;
    await copyFile(image, target);
    await fillWithGarbage(target, volume.bytes.length);
    const state = ['--state-dir', `${image}.state`];
    const words = ['init', '--src', image, '--dst', target, '--yes', '--cross-check', choice];
    const { exitCode, lines, stderr } = await fastsyncJson([...words, ...state]);
    t.is(exitCode, 0, stderr);
    const note = lines.find(({ code }) => code === 'FREE_BUT_CLAIMED');
    t.is(note !== undefined, isSame);
    if (isSame) t.regex(String(note?.message), /"kept\.bin".*count as used.*inconsistent.*chkdsk/);
    t.is((await sumOf(t, target, 'kept.bin')) === expected, isSame, choice);
  }

  const { stdout } = await fastsync(['map', image, '--format', 'json']);
  const map = JSON.parse(String(stdout)) as {
    readonly filesystem: { readonly state: string };
    readonly crossCheck: unknown;
  };
  t.is(map.filesystem.state, 'errors');
  const contradictedBytes = clustersOf(volume, recordOf('kept.bin')).length * volume.clusterBytes;
  t.like(map.crossCheck, { state: 'done', contradictedBytes });
});

test('clusters that an extension record describes are claimed too', async (t) => {
  const { volume, recordOf } = await volumeWithFiles(t, ['split.bin']);
  const record = recordOf('split.bin');
  const data = dataOf(volume.attributes(record));
  const clusters = clustersOf(volume, record);
  const [first = 0] = clusters;
  t.is(clusters.at(-1), first + clusters.length - 1);
  const half = clusters.length >> 1;
  const parts = { type: types.data, clusterBytes: volume.clusterBytes, dataBytes: 200_000 };
  const extension = nonResident({
    ...parts,
    instance: 1,
    runs: [{ lcn: first + half, count: clusters.length - half }],
    lowestVcn: half,
  });
  replaceData(volume, record, [
    nonResident({ ...parts, instance: data.readUInt16LE(14), runs: [{ lcn: first, count: half }] }),
  ]);
  volume.makeExtension(24, record, [extension]);
  for (const cluster of clusters) volume.setUsed(cluster, false);
  const map = await parse(volume.bytes);
  for (const cluster of clusters) {
    t.is(map.ranges.find(cluster * volume.clusterBytes).reason, 'data');
  }
  t.regex(map.notes[0]?.message ?? '', /\(of record \d+\).*"split\.bin"/);
});

test('a record that cannot be read makes the check partial, and is named', async (t) => {
  const { volume, recordOf } = await volumeWithFiles(t, ['good.bin', 'torn.bin']);
  const torn = recordOf('torn.bin');
  freeClustersOf(volume, recordOf('good.bin'));
  const at = volume.recordAt(torn);
  const whole = Buffer.from(volume.bytes.subarray(at, at + volume.recordBytes));
  for (const [edit, why] of [
    [(record: Buffer) => record.writeUInt16LE(0xdead, 510), /stride 1 was not written/],
    [(record: Buffer) => record.fill(0), /no FILE signature/],
    [(record: Buffer) => record.write('BAAD'), /no FILE signature/],
  ] as const) {
    whole.copy(volume.bytes, at);
    edit(volume.bytes.subarray(at, at + volume.recordBytes));
    const map = await parse(volume.bytes);
    t.is(map.crossCheck?.state, 'partial');
    t.true((map.crossCheck?.contradictedBytes ?? 0) > 0, 'the others are held against it still');
    const note = map.notes.find(({ code }) => code === 'CROSS_CHECK_PARTIAL');
    t.regex(note?.message ?? '', new RegExp(`record ${torn}: `));
    t.regex(note?.message ?? '', why);
  }
});

test('what is too costly to read unasked is read when it is asked for', async (t) => {
  const { volume, recordOf } = await volumeWithFiles(t, ['kept.bin']);
  freeClustersOf(volume, recordOf('kept.bin'));
  const asked = await parse(volume.bytes, { crossCheck: 'owners' });
  t.is(asked.crossCheck?.state, 'done');
  const not = await parse(volume.bytes, { crossCheck: 'none' });
  t.is(not.crossCheck?.state, 'skipped');
  t.is(not.crossCheck?.contradictedBytes, 0);
});

test('an $MFT that has the same clusters again and again is not read for ever', async (t) => {
  const { volume } = await volumeWithFiles(t, []);
  const data = dataOf(volume.attributes(0));
  // Clusters that are in use anyway, more often than the volume has room for.
  const log = decodeRuns(dataOf(volume.attributes(2)));
  const logClusters = log.reduce((sum, { count }) => sum + count, 0);
  const copies = Math.ceil(volume.bytes.length / volume.clusterBytes / logClusters);
  const again = Array.from({ length: copies }, () => log).flat();
  const runs = [...decodeRuns(data), ...again];
  const long = nonResident({
    type: types.data,
    instance: data.readUInt16LE(14),
    runs,
    clusterBytes: volume.clusterBytes,
    dataBytes: runs.reduce((sum, { count }) => sum + count, 0) * volume.clusterBytes,
  });
  replaceData(volume, 0, [long]);
  const map = await parse(volume.bytes, { crossCheck: 'owners' });
  t.is(map.crossCheck?.state, 'partial');
  t.regex(map.notes.at(-1)?.message ?? '', /more than the volume/);
});

const mutantCount = 1000;

test('mutants of files: whatever one record says, what the others own stays used', async (t) => {
  const random = seededRandom(t, 31);
  const names = Array.from({ length: 12 }, (_, index) => `file ${index}`);
  const { volume, recordOf } = await volumeWithFiles(t, names, ['--cluster-size', '512']);
  const owned = names.map((name) => ({
    record: recordOf(name),
    clusters: clustersOf(volume, recordOf(name)),
  }));
  for (const { record } of owned) freeClustersOf(volume, record);
  const pristine = Buffer.from(volume.bytes);
  const outcomes = { done: 0, partial: 0, skipped: 0, error: 0 };
  for (let mutant = 0; mutant < mutantCount; mutant++) {
    pristine.copy(volume.bytes);
    // Record 8 is $BadClus: what it lists is left out, unless somebody owns it.
    const damaged = mutant % 5 === 0 ? 8 : random.pick(owned).record;
    const at = volume.recordAt(damaged);
    const record = volume.bytes.subarray(at, at + volume.recordBytes);
    unprotect(record);
    const what = mutateRecord(record, random);
    if (random.next() < 0.9) protectIfPossible(record);
    const map = await parse(volume.bytes).catch((error: unknown) => {
      if (error instanceof ParseError) return error;
      throw error;
    });
    if (map instanceof ParseError) {
      outcomes.error++;
      continue;
    }
    outcomes[map.crossCheck?.state ?? 'error']++;
    for (const { record: other, clusters } of owned) {
      if (other === damaged) continue;
      const lost = clusters.filter((cluster) => {
        const { reason } = map.ranges.find(cluster * volume.clusterBytes);
        return reason === 'free' || reason === 'bad';
      });
      t.deepEqual(lost, [], `mutant ${mutant}: record ${damaged}, ${what}`);
    }
  }
  t.log(outcomes);
  t.true(Math.min(outcomes.done, outcomes.partial) > mutantCount / 20);
});
