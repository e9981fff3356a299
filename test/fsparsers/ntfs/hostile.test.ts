/**
 * Hostile NTFS: every mutant ends in a typed error, or in a map that calls nothing free which the
 * structures prove used.
 */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ParseError } from '../../../fsparsers/errors.js';
import { ntfsParser } from '../../../fsparsers/ntfs/index.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { seededRandom } from '../../support/random.js';
import {
  clustersOf,
  dataOf,
  decodeRuns,
  nonResident,
  NtfsImage,
  protect,
  types,
  unprotect,
} from './edit.js';
import { mutate, type Targets } from './mutate.js';
import { scatterMft, splitBitmap } from './scatter.js';
import { makeNtfs, mebibyte, whileMounted } from './support.js';

const mutantCount = 4000;
const clusterBytes = 512;

interface Pristine {
  readonly volume: NtfsImage;
  readonly map: UsedMap;
  readonly targets: Targets;
}

/** A small volume with files and a root directory of several blocks; its lists in pieces, or not. */
async function pristineVolume(t: ExecutionContext, isScattered: boolean): Promise<Pristine> {
  const image = await makeNtfs(t, 6 * mebibyte, ['--cluster-size', String(clusterBytes)]);
  await whileMounted(t, image, async (directory) => {
    for (let index = 0; index < 80; index++) {
      const name = `${index} with a long name ${'x'.repeat(60)}`;
      await writeFile(path.join(directory, name), Buffer.alloc(index * 97, 'content'));
    }
    await writeFile(path.join(directory, 'hiberfil.sys'), Buffer.alloc(8192, 'wake'));
  });
  const volume = new NtfsImage(await readFile(image));
  const [log] = decodeRuns(dataOf(volume.attributes(2)));
  const extensions = [26, 27];
  if (isScattered) {
    const firstTarget = await largestFreeCluster(volume.bytes);
    scatterMft(volume, 3, firstTarget + 50);
    splitBitmap(volume, null, { firstTarget, extensions });
  }
  const map = await parse(volume.bytes);
  const ownRecords = [0, 1, 2, 3, 5, 6, 7, 9, 64];
  return {
    volume,
    map,
    targets: {
      records: isScattered ? [...ownRecords, 15, 24, ...extensions] : ownRecords,
      bitmapRecords: isScattered ? [6, ...extensions] : [6],
      indexBlocks: findIndexBlocks(volume.bytes),
      logAt: (log?.lcn ?? 0) * clusterBytes,
    },
  };
}

async function largestFreeCluster(bytes: Buffer): Promise<number> {
  const { ranges } = await parse(bytes);
  const free = [...ranges].filter(({ reason }) => reason === 'free');
  const largest = free.toSorted((a, b) => b.length - a.length)[0];
  return Math.ceil((largest?.start ?? 0) / clusterBytes);
}

function findIndexBlocks(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += 512) {
    if (bytes.toString('latin1', at, at + 4) === 'INDX') found.push(at);
  }
  return found;
}

function parse(bytes: Uint8Array): Promise<UsedMap> {
  return ntfsParser.parse(new BufferReader(bytes));
}

async function mapOrTypedError(bytes: Uint8Array): Promise<UsedMap | ParseError> {
  try {
    return await parse(bytes);
  } catch (error) {
    if (error instanceof ParseError) return error;
    throw error;
  }
}

/** Free ranges of `mutant` that touch what `pristine` does not call free, and `counts` takes. */
function surplusFree(
  mutant: UsedMap,
  pristine: UsedMap,
  counts: (offsetBytes: number) => boolean = () => true,
): string[] {
  const surplus: string[] = [];
  for (const { start, length, reason } of mutant.ranges) {
    if (reason !== 'free') continue;
    for (let at = start; at < start + length;) {
      const known = pristine.ranges.find(at);
      const isFree = known.reason === 'free';
      if (!isFree && counts(at)) surplus.push(`${at} (${pristine.locate(at)})`);
      at = isFree ? known.start + known.length : at + clusterBytes;
    }
  }
  return surplus;
}

const systemNames = ['$MFT', '$MFTMirr', '$LogFile', '$Volume', '$AttrDef', 'root directory'];
const systemFileOf = (record: number | null): string | undefined =>
  record === null
    ? undefined
    : [...systemNames, '$Bitmap', '$Boot', '$BadClus', '$Secure', '$UpCase'][record];

for (const isScattered of [false, true]) {
  test(`mutants of a volume with its lists ${isScattered ? 'in pieces' : 'whole'}`, async (t) => {
    const random = seededRandom(t, isScattered ? 5 : 4);
    const { volume, map: pristine, targets } = await pristineVolume(t, isScattered);
    t.deepEqual(pristine.notes, []);
    t.deepEqual(pristine.hazards, []);
    const whole = Buffer.from(volume.bytes);
    const outcomes = { exact: 0, cautious: 0, error: 0 };
    for (let mutant = 0; mutant < mutantCount; mutant++) {
      whole.copy(volume.bytes);
      const damage = mutate(volume, targets, random);
      const map = await mapOrTypedError(volume.bytes);
      if (map instanceof ParseError) {
        outcomes.error++;
        continue;
      }
      // Where the bitmap itself is damaged, what the other system files occupy is proof still.
      const damaged = systemFileOf(damage.record);
      const isProven = (at: number): boolean => {
        const name = pristine.locate(at);
        return name !== 'data' && name !== '$Bitmap' && name !== damaged;
      };
      const surplus = surplusFree(map, pristine, damage.bitmap ? isProven : undefined);
      t.deepEqual(surplus, [], `mutant ${mutant}: ${damage.what}`);
      const isExact = map.ranges.totals().free === pristine.ranges.totals().free;
      outcomes[isExact ? 'exact' : 'cautious']++;
    }
    t.log(outcomes);
    t.true(Math.min(...Object.values(outcomes)) > mutantCount / 40);
  });
}

test('truncated anywhere', async (t) => {
  const { volume } = await pristineVolume(t, true);
  const random = seededRandom(t, 6);
  const edges = [0, 1, 511, 512, 513, 8191, 8192, volume.mftAt, volume.mirrorAt];
  for (let count = 0; count < 200; count++) edges.push(random.between(0, volume.bytes.length));
  for (const lengthBytes of edges) {
    const outcome = await mapOrTypedError(volume.bytes.subarray(0, lengthBytes));
    t.true(outcome instanceof ParseError, `${lengthBytes} bytes`);
    if (outcome instanceof ParseError) t.is(outcome.code, 'TRUNCATED');
  }
});

/** A file system that does not know that its device is too small: the boot sector shrinks with it. */
test('truncated, and the boot sector says so', async (t) => {
  const { volume, map: pristine } = await pristineVolume(t, true);
  for (let sectors = 1; sectors < volume.bytes.length / 512; sectors += 97) {
    const bytes = Buffer.from(volume.bytes.subarray(0, sectors * 512));
    bytes.writeBigUInt64LE(BigInt(sectors), 0x28);
    const outcome = await mapOrTypedError(bytes);
    if (outcome instanceof ParseError) t.is(outcome.code, 'CORRUPT');
    else t.deepEqual(surplusFree(outcome, pristine), [], `${sectors} sectors`);
  }
});

interface Crafted {
  readonly what: string;
  readonly edit: (volume: NtfsImage) => void;
  readonly message: RegExp;
}

/** Replaces $Bitmap's runs by these bytes. */
function withPairs(pairs: readonly number[]): Crafted['edit'] {
  return (volume) => {
    const attributes = volume.attributes(6);
    const data = dataOf(attributes);
    Buffer.from(pairs).copy(data, data.readUInt16LE(32));
    volume.setAttributes(6, attributes);
  };
}

const crafted: readonly Crafted[] = [
  {
    what: 'a run behind the device',
    edit: withPairs([0x31, 8, 0, 0, 0x7f, 0]),
    message: /a run of 8/,
  },
  { what: 'a run before the device', edit: withPairs([0x11, 8, 0xff, 0]), message: /a run of 8/ },
  { what: 'a run of no clusters', edit: withPairs([0x11, 0, 1, 0]), message: /a run of 0/ },
  { what: 'a run of less', edit: withPairs([0x11, 0x80, 1, 0]), message: /a run of -128/ },
  {
    what: 'a run of 2^39 clusters',
    edit: withPairs([0x15, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0]),
    message: /a run of 549755813887/,
  },
  { what: 'a width of 15 bytes', edit: withPairs([0xff, 1, 1, 0]), message: /the widths/ },
  { what: 'too few clusters', edit: withPairs([0]), message: /0 clusters instead of/ },
  {
    what: 'an attribute list that names itself for ever',
    edit: (volume) => {
      const attributes = volume.attributes(6);
      const entry = volume.listEntry(6, dataOf(attributes));
      const place = { runs: [{ lcn: 9000, count: 100 }], clusterBytes, dataBytes: 50_000 };
      for (let at = 0; at < 50_000; at += entry.length) entry.copy(volume.bytes, 9000 * 512 + at);
      const list = nonResident({ type: types.attributeList, instance: 60, ...place });
      volume.setAttributes(6, [...attributes, list]);
    },
    message: /names attribute .* twice/,
  },
  {
    what: 'an attribute list of 2^62 bytes',
    edit: (volume) => {
      const list = nonResident({
        type: types.attributeList,
        instance: 60,
        runs: [{ lcn: 9000, count: 1 }],
        clusterBytes,
        dataBytes: 512,
      });
      list.writeBigUInt64LE(2n ** 62n, 48);
      volume.setAttributes(6, [...volume.attributes(6), list]);
    },
    message: /4611686018427388000 bytes long/,
  },
  {
    what: 'a name of 2^40 bytes in a hole',
    edit: (volume) => {
      const count = 2 ** 31 - 1;
      const dataBytes = count * clusterBytes;
      const runs = [{ lcn: null, count }];
      const name = nonResident({
        type: types.fileName,
        instance: 60,
        runs,
        clusterBytes,
        dataBytes,
      });
      const others = volume.attributes(6).filter((each) => each.readUInt32LE(0) !== types.fileName);
      volume.setAttributes(6, [...others, name]);
    },
    message: /1099511627264 bytes long/,
  },
  {
    what: 'another file in the place of $Bitmap',
    edit: (volume) => {
      volume.setAttributes(6, volume.attributes(10));
    },
    message: /is not \$Bitmap/,
  },
];

for (const { what, edit, message } of crafted) {
  test(`${what} is a typed error`, async (t) => {
    const { volume } = await pristineVolume(t, false);
    edit(volume);
    await t.throwsAsync(parse(volume.bytes), { instanceOf: ParseError, code: 'CORRUPT', message });
  });
}

test('an index in a circle ends, and hibernation is not ruled out', async (t) => {
  const { volume, map: pristine, targets } = await pristineVolume(t, false);
  t.true(targets.indexBlocks.length > 1);
  for (const at of targets.indexBlocks) {
    const block = volume.bytes.subarray(at, at + 4096);
    unprotect(block);
    const entryAt = 24 + block.readUInt32LE(24);
    const vcn = block.readBigUInt64LE(16);
    block.writeUInt16LE(3, entryAt + 12);
    block.writeBigUInt64LE(vcn, entryAt + block.readUInt16LE(entryAt + 8) - 8);
    protect(block);
  }
  const map = await parse(volume.bytes);
  t.deepEqual(
    map.hazards?.map(({ code }) => code),
    ['NTFS_HIBERNATED'],
  );
  t.regex(map.hazards?.[0]?.message ?? '', /circle/);
  t.deepEqual([...map.ranges], [...pristine.ranges]);
});

test('system files that overlap are all used, and said to be', async (t) => {
  const { volume, map: pristine } = await pristineVolume(t, false);
  const clusters = clustersOf(decodeRuns(dataOf(volume.attributes(2))));
  const attributes = volume.attributes(10);
  const data = dataOf(attributes);
  const upcase = nonResident({
    type: types.data,
    instance: data.readUInt16LE(14),
    runs: [{ lcn: clusters[0] ?? 0, count: 10 }],
    clusterBytes,
    dataBytes: 5000,
  });
  volume.setAttributes(10, [...attributes.filter((attribute) => attribute !== data), upcase]);
  t.deepEqual(surplusFree(await parse(volume.bytes), pristine), []);
});
