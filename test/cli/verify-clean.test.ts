/** Two hundred replicas that are right, however they were made: not one false report. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { type Backend } from '../../src/engine/index.js';
import { verdictOf, verifyPair } from '../../src/sync/index.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { type Random, seededRandom } from '../support/random.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import {
  extKind,
  type Kind,
  mebibyte,
  mountedKind,
  ntfsKind,
  xfsKind,
} from '../support/seeding.js';
import { populateTree } from '../support/tree.js';

/** Makes `target` a replica; its free space stays what it was. */
type Seeding = (source: string, target: string, directory: string) => Promise<unknown>;

const init: Seeding = async (source, target, directory) => {
  const words = ['init', '--src', source, '--dst', target, '--yes'];
  return fastsyncJson([...words, '--state-dir', path.join(directory, 'seeding')]);
};
const dd: Seeding = (source, target) =>
  execa('dd', [`if=${source}`, `of=${target}`, 'bs=1M', 'conv=notrunc', 'status=none']);
const e2image: Seeding = (source, target) => execa('e2image', ['-ra', source, target]);
const partclone: Seeding = (source, target, directory) =>
  execa('partclone.extfs', [
    ...['-b', '-q', '-s', source, '-O', target],
    ...['-L', path.join(directory, 'partclone.log')],
  ]);

interface Case {
  readonly name: string;
  readonly kind: Kind;
  readonly sizeBytes: number;
  readonly seedings: readonly Seeding[];
  readonly runs: number;
}

/** It leaves out inode tables that were never written: right on a target that is blank, as they are. */
const blankFirst: readonly Seeding[] = [e2image];

// partclone leaves out what lies outside ext, the blocks of XFS's free lists, and the end of NTFS.
const ext: readonly Seeding[] = [init, dd, e2image, partclone];
/** mkfs wants 300 MB for what is to be used; this is only to be read. */
const smallXfs = xfsKind('--unsupported');

const cases: readonly Case[] = [
  {
    name: 'ext2 of 1 KiB blocks',
    kind: extKind('mkfs.ext2', '-b', '1024'),
    sizeBytes: 24 * mebibyte,
    seedings: [init, dd],
    runs: 24,
  },
  {
    name: 'ext4 of 4 KiB blocks',
    kind: extKind('mkfs.ext4', '-b', '4096'),
    sizeBytes: 48 * mebibyte,
    seedings: ext,
    runs: 48,
  },
  {
    name: 'ext3 of 2 KiB blocks on an odd size',
    kind: extKind('mkfs.ext3', '-b', '2048'),
    sizeBytes: 40 * mebibyte + 1536,
    seedings: [init, dd],
    runs: 32,
  },
  {
    name: 'XFS with a partial block behind it',
    kind: smallXfs,
    sizeBytes: 64 * mebibyte + 512,
    seedings: [init, dd],
    runs: 24,
  },
  {
    name: 'XFS of sectors of 4 KiB',
    kind: xfsKind('--unsupported', '-s', 'size=4096'),
    sizeBytes: 64 * mebibyte,
    seedings: [init, dd],
    runs: 24,
  },
  {
    name: 'NTFS of 4 KiB clusters',
    kind: ntfsKind(),
    sizeBytes: 40 * mebibyte,
    seedings: [init, dd],
    runs: 24,
  },
  {
    name: 'NTFS of 512 byte clusters on an odd size',
    kind: ntfsKind('-c', '512'),
    sizeBytes: 40 * mebibyte + 2560,
    seedings: [init, dd],
    runs: 24,
  },
];

async function makeSource(t: ExecutionContext, { kind, sizeBytes }: Case, directory: string) {
  const source = await sparseFile(path.join(directory, 'source.img'), sizeBytes);
  const [mkfs, ...options] = kind.mkfs;
  await execa(mkfs, [...options, source]);
  const { directory: mount, unmount } = await mountedKind(t, kind, source);
  await populateTree(mount, 7, 6);
  await unmount();
  return source;
}

/** A file, or a device on it: with sectors of 4 KiB where its size allows. */
async function attached(t: ExecutionContext, random: Random, file: string, sizeBytes: number) {
  const options = [
    ['--direct-io=on'],
    [],
    ...(sizeBytes % 4096 === 0 ? [['--sector-size', '4096']] : []),
  ];
  const isDevice = sizeBytes % 512 === 0 && random.next() < 0.6;
  return isDevice ? attachLoop(t, file, random.pick(options)) : file;
}

async function verified(source: string, target: string, stateDirectory: string, backend: Backend) {
  const { signal } = new AbortController();
  const request = {
    source,
    target,
    map: {},
    free: 'ignore' as const,
    startBytes: 0,
    stopBytes: null,
    repair: false,
    overrides: new Set<never>(),
    signal,
  };
  const options = { ioOptions: { backend }, resume: true, maxMs: null, stateDirectory };
  return verifyPair(request, options, { reporter: { report: () => undefined }, signal });
}

for (const [index, one] of cases.entries()) {
  test(`${one.name}: ${one.runs} clean runs`, async (t) => {
    const random = seededRandom(t, 60 + index);
    const directory = await scratchDirectory(t);
    const image = await makeSource(t, one, directory);
    const perSeed = 8;
    for (let done = 0; done < one.runs; done += perSeed) {
      const seeding = one.seedings[(done / perSeed) % one.seedings.length] as Seeding;
      const file = await sparseFile(path.join(directory, `target${done}.img`), one.sizeBytes);
      const garbageBytes = blankFirst.includes(seeding)
        ? 0
        : Math.min(one.sizeBytes, 64 * mebibyte);
      await fillWithGarbage(file, garbageBytes, 100 + done);
      await seeding(image, file, directory);
      const source = await attached(t, random, image, one.sizeBytes);
      const target = await attached(t, random, file, one.sizeBytes);
      for (let run = 0; run < perSeed; run++) {
        const backend = random.pick(['uring', 'threads'] as const);
        const report = await verified(source, target, path.join(directory, 'state'), backend);
        const { answers, missing, doubts, map } = report;
        const found = [...answers.different].map((at, i) => (i % 2 === 0 ? map.locate(at) : at));
        t.deepEqual(found, [], `seed ${done}, ${source}, ${target}`);
        t.is(verdictOf(report), 'equal', doubts.join());
        t.is(missing.length, 0);
      }
      // The free space is not the source's: an answer by cmp would be another.
      if (garbageBytes > 0 && seeding !== dd)
        t.not((await execa('cmp', ['-s', image, file], { reject: false })).exitCode, 0);
    }
  });
}

test('they are two hundred', (t) => {
  t.is(
    cases.reduce((sum, { runs }) => sum + runs, 0),
    200,
  );
});
