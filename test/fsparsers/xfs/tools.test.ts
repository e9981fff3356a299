/**
 * Volumes as the tools for XFS leave them: repaired, renamed, upgraded, grown, dumped and copied. None
 * of that may cost exactness, so xfs_db must call the same blocks free as the map.
 */

import { rename, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { scratchDirectory } from '../../support/scratch.js';
import { assertClean, populate } from './clean.js';
import {
  assertFreeByKernel,
  common,
  freeByXfsDb,
  freeOf,
  makeXfs,
  mapImage,
  mebibyte,
  minus,
  whileMounted,
} from './support.js';

/** Leaves the image changed in its place. */
type Treatment = (t: ExecutionContext, image: string) => Promise<unknown>;

const run =
  (program: string, ...options: readonly string[]): Treatment =>
  (_t, image) =>
    execa(program, [...options, image]);

const inTurn =
  (...treatments: readonly Treatment[]): Treatment =>
  async (t, image) => {
    for (const treatment of treatments) await treatment(t, image);
  };

/** By way of another file, made by `copy`, which takes the image's place. */
const replaced =
  (copy: (image: string, other: string) => Promise<unknown>): Treatment =>
  async (_t, image) => {
    await copy(image, `${image}.other`);
    await rename(`${image}.other`, image);
  };

const repair = run('xfs_repair');

/** xfs_repair refuses a log that is not empty, unless it is told to throw it away. */
const crash: Treatment = (t, image) =>
  whileMounted(t, image, async (directory) => {
    await populate(path.join(directory, 'before the crash'));
    await execa('xfs_io', ['-x', '-c', 'shutdown -f', directory]);
  });

/** Something to repair, so that the trees of free space are built anew. */
const damage: Treatment = (_t, image) =>
  execa('xfs_db', ['-x', '-c', 'agf 0', '-c', 'write freeblks 7', image]);

const grow: Treatment = async (t, image) => {
  await truncate(image, 1200 * mebibyte);
  await whileMounted(t, image, (directory) => execa('xfs_growfs', ['-d', directory]));
};

const shrink: Treatment = (t, image) =>
  whileMounted(t, image, async (directory) => {
    const { stdout } = await execa('xfs_info', [directory]);
    const blocks = Number(/^data .*blocks=(\d+)/m.exec(stdout)?.[1]);
    // More than part of the last group is beyond what the kernel shrinks.
    await execa('xfs_growfs', ['-D', String(blocks - 100), directory]);
  });

const dumped = (options: readonly string[]) =>
  replaced(async (image, other) => {
    await execa('xfs_metadump', [...options, image, `${image}.dump`]);
    await execa('xfs_mdrestore', [`${image}.dump`, other]);
    await truncate(other, 512 * mebibyte);
  });

const treatments: Readonly<Record<string, Treatment>> = {
  xfs_repair: repair,
  'xfs_repair, twice': inTurn(repair, repair),
  'xfs_repair of damaged counts': inTurn(damage, repair),
  'xfs_repair -L of a crashed volume': inTurn(crash, run('xfs_repair', '-L')),
  'xfs_repair, then mounted and written': inTurn(repair, (t, image) =>
    whileMounted(t, image, (directory) => populate(path.join(directory, 'after'))),
  ),
  'xfs_admin -L': run('xfs_admin', '-L', 'renamed'),
  'xfs_admin -U generate, then xfs_repair': inTurn(run('xfs_admin', '-U', 'generate'), repair),
  'xfs_admin -U generate, then restore': inTurn(
    run('xfs_admin', '-U', 'generate'),
    run('xfs_admin', '-U', 'restore'),
  ),
  'xfs_admin -O nrext64=1': run('xfs_admin', '-O', 'nrext64=1'),
  xfs_growfs: grow,
  'xfs_growfs, then xfs_repair': inTurn(grow, repair),
  'xfs_growfs to a smaller size': shrink,
  'xfs_metadump and xfs_mdrestore': dumped([]),
  'xfs_metadump and xfs_mdrestore, repaired': inTurn(repair, dumped(['-a', '-o'])),
  xfs_copy: replaced((image, other) => execa('xfs_copy', [image, other])),
  'xfs_copy -d, repaired': inTurn(
    repair,
    replaced((image, other) => execa('xfs_copy', ['-d', image, other])),
  ),
};

for (const [name, treatment] of Object.entries(treatments)) {
  test(name, async (t) => {
    const image = await makeXfs(t, 512 * mebibyte);
    await whileMounted(t, image, populate);
    await treatment(t, image);
    const map = await assertClean(t, image);
    await assertFreeByKernel(t, image, map);
  });
}

const older: Readonly<Record<string, { options: readonly string[]; treatment: Treatment }>> = {
  'v5 without features that can be left out: xfs_admin -O inobtcount=1,bigtime=1': {
    options: ['-m', 'reflink=0,inobtcount=0,bigtime=0'],
    treatment: run('xfs_admin', '-O', 'inobtcount=1,bigtime=1'),
  },
  'v5 with every tree: xfs_repair': {
    options: ['-b', 'size=1024', '-m', 'rmapbt=1,reflink=1'],
    treatment: inTurn(damage, repair),
  },
  'xfs_admin -U nil, which the kernel does not mount': {
    options: [],
    treatment: run('xfs_admin', '-U', 'nil'),
  },
  'v4: xfs_repair': { options: ['-m', 'crc=0'], treatment: inTurn(damage, repair) },
  'v4: xfs_admin -c 0': { options: ['-m', 'crc=0'], treatment: run('xfs_admin', '-c', '0') },
  'v4: xfs_admin -c 1': {
    options: ['-m', 'crc=0', '-l', 'lazy-count=0'],
    treatment: run('xfs_admin', '-c', '1'),
  },
  'v4: xfs_admin -j -p -U generate': {
    options: ['-m', 'crc=0', '-l', 'version=1', '-i', 'projid32bit=0'],
    treatment: run('xfs_admin', '-j', '-p', '-U', 'generate'),
  },
};

for (const [name, { options, treatment }] of Object.entries(older)) {
  test(name, async (t) => {
    // The kernel here may have no XFS v4: such volumes are filled by mkfs.xfs from a prototype.
    const prototype = path.join(await scratchDirectory(t), 'prototype');
    const lines = Array.from({ length: 200 }, (_, index) => `f${index} ---644 0 0 /etc/passwd`);
    await writeFile(prototype, ['/dev/null', '0 0', 'd--755 0 0', ...lines, '$', ''].join('\n'));
    const image = await makeXfs(t, 512 * mebibyte, [...options, '-p', prototype]);
    await treatment(t, image);
    await assertClean(t, image);
  });
}

test('the log is replayed over free lists that xfs_repair wrote', async (t) => {
  const image = await makeXfs(t, 512 * mebibyte);
  await whileMounted(t, image, populate);
  await inTurn(damage, repair, crash)(t, image);
  const { stdout } = await execa('xfs_db', ['-r', '-c', 'agfl 0', '-c', 'p lsn', image]);
  t.is(stdout, 'lsn = 0xffffffffffffffff');
  const map = await mapImage(image);
  t.is(map.filesystem.journal.state, 'replayed');
  t.deepEqual(map.notes, []);
  const before = await freeByXfsDb(image);
  await whileMounted(t, image, () => Promise.resolve());
  const after = await freeByXfsDb(image);
  t.notDeepEqual(before, after);
  t.deepEqual(minus(freeOf(map), common(before, after)), []);
  t.deepEqual(minus(common(before, after), freeOf(map)), []);
});
