/** Free space held against who owns blocks: what is claimed on sound volumes, and what on lying ones. */

import { createHash } from 'node:crypto';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { MapBuilder } from '../../../fsparsers/mapbuilder.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { xfsParser } from '../../../fsparsers/xfs/index.js';
import { paintGroups } from '../../../fsparsers/xfs/map.js';
import { checkOwners } from '../../../fsparsers/xfs/owners/index.js';
import { readGeometry } from '../../../fsparsers/xfs/superblock.js';
import { onDisk } from '../../../fsparsers/xfs/view.js';
import { FileByteReader } from '../../../src/volume/index.js';
import { attachLoop, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { populate } from './clean.js';
import { restore } from './restore.js';
import {
  bytesIn,
  common,
  freeOf,
  makeXfs,
  mapImage,
  mebibyte,
  merged,
  minus,
  rangesOf,
  whileMounted,
  type Range,
} from './support.js';

/** Whatever the owners claim, as if every byte of the device had been called free. */
async function claimedBy(image: string): Promise<Range[]> {
  const handle = await open(image);
  try {
    const { size } = await handle.stat();
    const reader = new FileByteReader(handle, image, size);
    const geometry = await readGeometry(reader);
    const view = onDisk(reader, null);
    const groups = await paintGroups(new MapBuilder(size), geometry, {
      current: view,
      stale: null,
    });
    const builder = new MapBuilder(size);
    builder.mark('free', 0, size);
    const search = { view, geometry, groups, loggedInodes: new Set<number>() };
    const { crossCheck } = await checkOwners(search, builder, { crossCheck: 'owners' });
    if (crossCheck.state !== 'done') throw new Error(JSON.stringify(crossCheck));
    const claimed = [...builder.build()].filter(({ reason }) => reason === 'data');
    return merged(claimed.map(({ start, length }) => ({ start, end: start + length })));
  } finally {
    await handle.close();
  }
}

/** Every form in which XFS keeps what an inode owns. */
async function populateForms(directory: string): Promise<void> {
  await populate(directory);
  await execa('bash', ['-euc', forms], { cwd: directory });
}

const forms = `
args=; for i in $(seq 0 700); do args="$args -c 'pwrite -q $((i * 64))k 4k'"; done
eval xfs_io -f $args scattered
ln -s $(printf 'long/%.0s' $(seq 180)) link
mkdir wide; (cd wide; touch $(seq -f 'a-rather-long-name-in-a-wide-directory-%g' 3000))
touch attributes
x=$(printf 'x%.0s' $(seq 9000))
for i in $(seq 40); do
  setfattr -n user.name$i -v $x attributes
  echo $x > between$i
done
cp --reflink=auto scattered shared
rm -f wide/*7*`;

/** What is allocated for files is claimed, to the block, and nothing that is free is. */
async function assertExact(t: ExecutionContext, image: string, map: UsedMap): Promise<void> {
  t.deepEqual(map.notes, []);
  t.is(map.crossCheck?.state, 'done');
  t.is(map.crossCheck?.contradictedBytes, 0);
  const claimed = await claimedBy(image);
  const data = rangesOf(map, ({ reason }) => reason === 'data');
  t.true(bytesIn(data) > mebibyte);
  t.deepEqual(minus(data, claimed), [], 'nobody has it');
  t.deepEqual(common(freeOf(map), claimed), [], 'free, and claimed');
}

const volumes: Readonly<Record<string, readonly string[]>> = {
  'the defaults': [],
  'blocks of 1 KiB': ['-b', 'size=1024'],
  'blocks of 64 KiB': ['-b', 'size=65536'],
  'reverse mappings': ['-m', 'rmapbt=1,reflink=1'],
  '64-bit extent counters, large inodes': ['-i', 'nrext64=1,size=2048'],
  'many allocation groups, no holes in inode chunks': [
    ...['--unsupported', '-d', 'agsize=16m', '-i', 'sparse=0', '-m', 'reflink=0'],
  ],
};

for (const [name, options] of Object.entries(volumes)) {
  test(`claims are exact: ${name}`, async (t) => {
    const image = await makeXfs(t, 512 * mebibyte, options);
    await whileMounted(t, image, populateForms);
    const map = await mapImage(image);
    t.is(map.crossCheck?.detail, name.includes('reverse') ? 'reverse-mapping trees' : 'inodes');
    await assertExact(t, image, map);
  });
}

/** The kernel here may have no XFS v4, and no realtime part: such volumes are filled by mkfs.xfs. */
async function prototyped(t: ExecutionContext, options: readonly string[]): Promise<string> {
  const prototype = path.join(await scratchDirectory(t), 'prototype');
  const lines = Array.from({ length: 500 }, (_, index) => `f${index} ---644 0 0 /etc/passwd`);
  const large = `node ---755 0 0 ${process.execPath}`;
  const all = ['/dev/null', '0 0', 'd--755 0 0', large, ...lines, '$', ''];
  await writeFile(prototype, all.join('\n'));
  return makeXfs(t, 512 * mebibyte, [...options, '-p', prototype]);
}

test('claims are exact: v4', async (t) => {
  const image = await prototyped(t, ['-m', 'crc=0']);
  await assertExact(t, image, await mapImage(image));
});

test('a file on the realtime device claims nothing on the data device', async (t) => {
  const realtime = await sparseFile(path.join(await scratchDirectory(t), 'rt.img'), 64 * mebibyte);
  const image = await prototyped(t, ['-r', `rtdev=${await attachLoop(t, realtime)}`]);
  const before = await claimedBy(image);
  const { stdout } = await execa('xfs_db', [
    '-r',
    '-c',
    'path /node',
    '-c',
    'p core.nblocks',
    image,
  ]);
  await execa('xfs_db', ['-x', '-c', 'path /node', '-c', 'write core.realtime 1', image]);
  const gone = minus(before, await claimedBy(image));
  t.is(`core.nblocks = ${bytesIn(gone) / 4096}`, stdout);
});

interface Lie {
  readonly file: string;
  readonly bytes: number;
}

const stolenBlocks = 16;

/**
 * Has a free extent begin a few blocks early, within a file that ends where it begins: in both trees,
 * in the group's counts and in the superblock's. xfs_db mends the checksums.
 */
async function lie(t: ExecutionContext, image: string): Promise<Lie> {
  const db = async (...commands: string[]) => {
    const options = commands.flatMap((command) => ['-c', command]);
    return (await execa('xfs_db', ['-x', ...options, image])).stdout;
  };
  const number = async (name: string, ...commands: string[]) =>
    Number(new RegExp(`${name} = (\\d+)`).exec(await db(...commands, `p ${name}`))?.[1]);
  const blockBytes = await number('blocksize', 'sb 0');
  const agBlocks = await number('agblocks', 'sb 0');
  const agCount = await number('agcount', 'sb 0');
  const ends = new Map<number, string>();
  await whileMounted(
    t,
    image,
    async (directory) => {
      const files = (await execa('find', [directory, '-type', 'f', '-size', '+100k'])).stdout;
      for (const file of files.split('\n')) {
        const { stdout } = await execa('xfs_io', ['-r', '-c', 'bmap', file]);
        for (const [, first, last] of stdout.matchAll(/: (\d+)\.\.(\d+)$/gm)) {
          const blocks = ((Number(last) - Number(first) + 1) * 512) / blockBytes;
          if (blocks < 2 * stolenBlocks) continue;
          ends.set(((Number(last) + 1) * 512) / blockBytes, path.relative(directory, file));
        }
      }
    },
    ['ro'],
  );
  for (let agno = 0; agno < agCount; agno++) {
    const records = async (root: string) => {
      const text = await db(`agf ${agno}`, `addr ${root}`, 'p recs');
      return [...text.matchAll(/(\d+):\[(\d+),(\d+)\]/g)].map((found) => found.map(Number));
    };
    const bySize = await records('cntroot');
    // One that stays where it is in the order of sizes.
    const place = bySize.findIndex(([, , start = 0, blocks = 0], index) => {
      const [, , , next = Infinity] = bySize[index + 1] ?? [];
      return ends.has(agno * agBlocks + start) && next > blocks + stolenBlocks;
    });
    const [, , start = NaN, blocks = NaN] = bySize[place] ?? [];
    const file = ends.get(agno * agBlocks + start);
    if (file === undefined) continue;
    const [, twin] = (await records('bnoroot')).find(([, , own]) => own === start) ?? [];
    const write = (root: string, index: number | undefined) => [
      ...[`agf ${agno}`, `addr ${root}`],
      `write recs[${index}].startblock ${start - stolenBlocks}`,
      `write recs[${index}].blockcount ${blocks + stolenBlocks}`,
    ];
    const freeBlocks = await number('freeblks', `agf ${agno}`);
    const allFree = await number('fdblocks', 'sb 0');
    await db(...write('bnoroot', twin), ...write('cntroot', bySize[place]?.[1]));
    const [, , , longest] = (await records('cntroot')).at(-1) ?? [];
    await db(
      ...[`agf ${agno}`, `write freeblks ${freeBlocks + stolenBlocks}`],
      ...[`write longest ${longest}`, 'sb 0', `write fdblocks ${allFree + stolenBlocks}`],
    );
    return { file, bytes: stolenBlocks * blockBytes };
  }
  throw new Error('no file ends where a free extent begins');
}

async function sumOf(directory: string, file: string): Promise<string> {
  const content = await readFile(path.join(directory, file));
  return createHash('sha256').update(content).digest('hex');
}

for (const [name, options, owner] of [
  ['reverse mappings', ['-m', 'rmapbt=1'], 'reverse-mapping trees'],
  ['inodes', ['-m', 'rmapbt=0'], 'inodes'],
  ['inodes, blocks of 1 KiB', ['-b', 'size=1024', '-m', 'rmapbt=0'], 'inodes'],
] as const) {
  test(`free space that a file has is copied: ${name}`, async (t) => {
    const image = await makeXfs(t, 256 * mebibyte, [
      '--unsupported',
      '-d',
      'agcount=1',
      ...options,
    ]);
    await whileMounted(t, image, async (directory) => {
      await execa('bash', ['-euc', 'for i in $(seq 50); do head -c 9000 /dev/zero > f$i; done'], {
        cwd: directory,
      });
      await execa('dd', ['if=/dev/urandom', 'of=last', 'bs=1M', 'count=4', 'conv=fsync'], {
        cwd: directory,
      });
    });
    const check = ['-n', '-o', 'force_geometry', image];
    await t.notThrowsAsync(execa('xfs_repair', check));
    const { file, bytes } = await lie(t, image);
    const repair = await execa('xfs_repair', check, { reject: false, all: true });
    t.is(repair.exitCode, 1, repair.all);
    const sum = await whileMounted(t, image, (directory) => sumOf(directory, file), ['ro']);
    const copied = async (map: UsedMap) => {
      const target = await restore(t, image, map);
      return whileMounted(t, target, (directory) => sumOf(directory, file), ['ro']);
    };

    const map = await mapImage(image);
    t.deepEqual(map.crossCheck, { state: 'done', detail: owner, contradictedBytes: bytes });
    t.deepEqual(
      map.notes.map(({ code }) => code),
      ['FREE_BUT_CLAIMED'],
    );
    t.is(map.filesystem.state, 'errors');
    t.is(await copied(map), sum);
    const unchecked = await mapImage(image, undefined, undefined, { crossCheck: 'none' });
    t.deepEqual(minus(freeOf(unchecked), freeOf(map)).length, 1);
    t.not(await copied(unchecked), sum);
  });
}

/** The image with a sector that no read gets over. */
async function mapWithBadSector(image: string, at: number): Promise<UsedMap> {
  const handle = await open(image);
  try {
    const reader = new FileByteReader(handle, image, (await handle.stat()).size);
    const failing = {
      sizeBytes: reader.sizeBytes,
      read: (start: number, length: number) =>
        start <= at && at < start + length
          ? Promise.reject(new Error('EIO'))
          : reader.read(start, length),
    };
    return await xfsParser.parse(failing);
  } finally {
    await handle.close();
  }
}

test('a bad sector where owners lie makes the check partial, and the map none the worse', async (t) => {
  const image = await makeXfs(t, 300 * mebibyte, ['-m', 'rmapbt=0']);
  const inode = await whileMounted(t, image, async (directory) => {
    await populateForms(directory);
    return (await stat(path.join(directory, 'scattered'))).ino;
  });
  const ask = async (...commands: string[]) =>
    Number(
      (await execa('xfs_db', ['-r', ...commands.flatMap((one) => ['-c', one]), image])).stdout
        .split(/[^0-9]+/)
        .findLast((word) => word !== ''),
    );
  const sound = await mapImage(image);
  t.is(sound.crossCheck?.state, 'done');
  for (const [where, sector] of [
    ['inodes', await ask(`inode ${inode}`, 'daddr')],
    ['an extent B+tree', await ask(`inode ${inode}`, 'addr u3.bmbt.ptrs[1]', 'daddr')],
  ] as const) {
    const map = await mapWithBadSector(image, sector * 512);
    t.is(map.crossCheck?.state, 'partial', where);
    t.regex(map.notes.map(({ message }) => message).join(), /cannot be read/, where);
    t.deepEqual([...map.ranges], [...sound.ranges], where);
  }
});
