/** fastverify with manifests of real file systems, against map, dd, xxhsum and sha256sum. */

import { copyFile, cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { openManifest } from '../../src/manifest/index.js';
import { blocksOf, reseal } from '../manifest/forgery.js';
import { flipBytes } from '../manifest/support.js';
import { algorithms, cellDigestsByTools } from '../support/cell-digests.js';
import {
  fastverify,
  fastverifyLines,
  packageRoot,
  populatedVolume,
  printedMap,
  usedRanges,
} from '../support/manifests.js';
import { seededRandom } from '../support/random.js';
import { extKind, type Kind, mebibyte, mountedKind, xfsKind } from '../support/seeding.js';

const kinds: readonly (readonly [string, Kind, number])[] = [
  ['ext4', extKind('mkfs.ext4'), 96 * mebibyte],
  ['xfs', xfsKind(), 320 * mebibyte],
];
const cellBytes = 256 * 1024;

async function digestsIn(file: string): Promise<[number, string][]> {
  await using manifest = await openManifest(file);
  const found: [number, string][] = [];
  for await (const { cells } of manifest.tree.leaves()) {
    for (const { cell, digest } of cells) {
      found.push([cell, Buffer.from(digest ?? []).toString('hex')]);
    }
  }
  return found;
}

for (const [index, [name, kind, bytes]] of kinds.entries()) {
  test(`${name}: the manifest holds what the tools say, and finds what changed`, async (t) => {
    const random = seededRandom(t, 700 + index);
    const { directory, image, state } = await populatedVolume(t, kind, bytes);
    const file = path.join(directory, 'manifest');
    const map = await printedMap(image);
    const extents = usedRanges(map);
    const { stdout: uuid } = await execa('blkid', ['-p', '-o', 'value', '-s', 'UUID', image]);
    for (const algorithm of algorithms) {
      const cell = ['--algorithm', algorithm, '--manifest-cell', '256K'];
      const made = await fastverifyLines(['--src', image, '--write-manifest', file, ...cell]);
      t.is(made.exitCode, 0, made.stderr);
      t.like(made.summary, { outcome: 'done', algorithm, cellBytes, filesystem: { uuid } });
      t.deepEqual(
        await digestsIn(file),
        await cellDigestsByTools(image, extents, cellBytes, algorithm),
      );

      const check = ['--src', image, '--manifest', file, ...state];
      const root = String(made.summary.root);
      t.is((await fastverify([...check, '--root', root])).exitCode, 0);
      const engines = algorithm === 'xxh64' ? ['native', 'portable'] : ['native'];
      for (const engine of engines) {
        const clean = await fastverifyLines([...check, '--engine', engine]);
        t.is(clean.exitCode, 0, clean.stderr);
        t.like(clean.summary, { verdict: 'equal' });
        t.deepEqual(clean.ranges, []);
      }
      for (let round = 0; round < 2; round++) {
        const { start, length, used } = random.pick(map);
        const at = start + random.between(0, length);
        await flipBytes(image, [at]);
        for (const engine of engines) {
          const { exitCode, ranges } = await fastverifyLines([...check, '--engine', engine]);
          // What changed in free space is nobody's data.
          t.is(exitCode, used ? 1 : 0);
          const names = ranges.filter(
            (range) =>
              at >= (range.start as number) &&
              at < (range.start as number) + (range.length as number),
          );
          t.is(names.length, used ? 1 : 0);
          t.true(
            ranges.every(
              (range) =>
                Math.floor((range.start as number) / cellBytes) === Math.floor(at / cellBytes),
            ),
          );
        }
        await flipBytes(image, [at]);
      }
    }
  });
}

test('without native code: an XXH64 manifest gives the same answer, any other a sentence', async (t) => {
  const { directory, image, state } = await populatedVolume(t, extKind('mkfs.ext4'), 64 * mebibyte);
  const file = path.join(directory, 'manifest');
  const write = ['--src', image, '--write-manifest', file];
  t.is((await fastverify([...write, '--algorithm', 'xxh64'])).exitCode, 0);
  // The package as it is where nothing was built for the machine.
  const bare = path.join(directory, 'package');
  await mkdir(bare);
  await cp(path.join(packageRoot, 'dist'), path.join(bare, 'dist'), { recursive: true });
  await copyFile(path.join(packageRoot, 'package.json'), path.join(bare, 'package.json'));
  await symlink(path.join(packageRoot, 'node_modules'), path.join(bare, 'node_modules'));

  const check = ['--src', image, '--manifest', file, ...state];
  const native = await fastverify(check, {}, bare);
  t.is(native.exitCode, 2);
  t.regex(String(native.stderr), /there is no native engine/);
  const equal = await fastverify([...check, '--engine', 'portable'], {}, bare);
  t.is(equal.exitCode, 0, String(equal.stderr));
  t.regex(String(equal.stdout), /^equal: /m);
  await flipBytes(image, [1024 + 0x38]);
  const different = await fastverify([...check, '--engine', 'portable'], {}, bare);
  t.is(different.exitCode, 1, String(different.stderr));
  t.is((await fastverify(check)).exitCode, 1);
  await flipBytes(image, [1024 + 0x38]);

  t.is((await fastverify(write)).exitCode, 0);
  const other = await fastverify([...check, '--engine', 'portable'], {}, bare);
  t.is(other.exitCode, 2);
  t.regex(String(other.stderr), /^error: .*xxh3-128.*portable engine supports only xxh64/);
});

test('two manifests: what differs, what only one covers, what cannot be compared', async (t) => {
  const { directory, image } = await populatedVolume(t, extKind('mkfs.ext4'), 64 * mebibyte);
  const file = (name: string) => path.join(directory, name);
  const write = async (name: string, ...options: readonly string[]) => {
    const words = ['--src', image, '--write-manifest', file(name), ...options];
    t.is((await fastverify(words)).exitCode, 0);
  };
  await write('a');
  await write('same');
  await write('all', '--free', 'verify');
  await write('other', '--manifest-cell', '2M');
  const data = (await printedMap(image)).find(({ reason }) => reason === 'data');
  const at = data?.start ?? 0;
  await flipBytes(image, [at]);
  await write('b');
  const compare = (name: string) =>
    fastverifyLines(['--manifest', file('a'), '--against', file(name)]);
  const equal = await compare('same');
  t.is(equal.exitCode, 0);
  t.like(equal.summary, { verdict: 'equal', differentBytes: 0 });
  const different = await compare('b');
  t.is(different.exitCode, 1);
  t.true(different.ranges.every(({ answer }) => answer === 'different'));
  const cells = different.ranges.map(({ start }) => Math.floor((start as number) / mebibyte));
  t.deepEqual([...new Set(cells)], [Math.floor(at / mebibyte)]);
  const all = await compare('all');
  t.is(all.exitCode, 3);
  t.like(all.summary, { verdict: 'not proven', differentBytes: 0, onlyInFirstBytes: 0 });
  const free = (await printedMap(image))
    .filter(({ used }) => !used)
    .reduce((sum, { length }) => sum + length, 0);
  t.is(all.summary.onlyInSecondBytes, free);
  const other = await compare('other');
  t.is(other.exitCode, 2);
  t.regex(other.stderr, /cellBytes/);
});

test('options that do not go together, volumes in use and places that are taken are refused', async (t) => {
  const kind = extKind('mkfs.ext4');
  const { directory, image, state } = await populatedVolume(t, kind, 64 * mebibyte);
  const before = await readFile(image);
  const file = path.join(directory, 'manifest');
  t.is((await fastverify(['--src', image, '--write-manifest', file])).exitCode, 0);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--write-manifest', file], /--src/],
    [['--src', image, '--write-manifest', image], /not a manifest: it is not overwritten/],
    [['--src', image, '--write-manifest', directory], /is not a file/],
    [['--src', image, '--write-manifest', `${directory}/no/where`], /does not exist/],
    [
      ['--src', image, '--write-manifest', file, '--manifest', file],
      /use either --write-manifest or --manifest/,
    ],
    [['--src', image, '--write-manifest', file, '--dst', image], /--dst cannot be combined/],
    [['--src', image, '--write-manifest', file, '--manifest-cell', '3M'], /power of two/],
    [['--src', image, '--write-manifest', file, '--algorithm', 'md5'], /sha256/],
    [['--src', image, '--manifest', image], /is not a manifest/],
    [['--src', image, '--manifest', file, '--root', '00'], /has the root [0-9a-f]{32}, not 00/],
    [['--src', image, '--manifest', file, '--repair'], /--repair cannot be combined/],
    [
      ['--src', image, '--manifest', file, '--algorithm', 'sha256'],
      /--algorithm cannot be combined/,
    ],
    [['--src', image, '--manifest', file, '--free', 'verify'], /--free/],
    [['--manifest', file, '--against', image], /is not a manifest/],
    [['--manifest', file, '--against', file, '--src', image], /--src cannot be combined/],
    [['--src', image, '--algorithm', 'sha256'], /--algorithm requires/],
  ];
  for (const [words, sentence] of cases) {
    const { exitCode, stderr, stdout } = await fastverify([...words, ...state]);
    t.is(exitCode, 2, words.join(' '));
    t.regex(String(stderr).replaceAll(/\s+/g, ' '), sentence, words.join(' '));
    t.notRegex(String(stderr), /^ +at /m);
    t.is(stdout, '');
  }
  t.true(before.equals(await readFile(image)));
  const mount = await mountedKind(t, kind, image);
  for (const option of ['--write-manifest', '--manifest']) {
    const { exitCode, stderr } = await fastverify(['--src', image, option, file, ...state]);
    t.is(exitCode, 4);
    t.regex(String(stderr), /mounted/);
  }
  await mount.unmount();
});

test('a part of the volume: what lies in it, and a span with nothing in it is no answer', async (t) => {
  const { directory, image, state } = await populatedVolume(t, extKind('mkfs.ext4'), 64 * mebibyte);
  const file = path.join(directory, 'manifest');
  t.is((await fastverify(['--src', image, '--write-manifest', file])).exitCode, 0);
  await flipBytes(image, [1024 + 0x38]);
  const check = (...span: readonly string[]) =>
    fastverifyLines(['--src', image, '--manifest', file, ...state, ...span]);
  t.is((await check('--stop', '1M')).exitCode, 1);
  t.is((await check('--start', '1M')).exitCode, 0);
  for (const span of [
    ['--start', '64M'],
    ['--start', '20M', '--stop', '10M'],
    ['--stop', '0'],
  ]) {
    const { exitCode, stderr, summary } = await check(...span);
    t.is(exitCode, 2, span.join(' '));
    t.like(summary.error, { code: 'EMPTY_SPAN' });
    t.regex(stderr, /the range from byte .* is empty/);
  }
});

test('a damaged manifest is one sentence with the place', async (t) => {
  const { directory, image, state } = await populatedVolume(t, xfsKind(), 320 * mebibyte);
  const file = path.join(directory, 'manifest');
  const damaged = path.join(directory, 'damaged');
  t.is((await fastverify(['--src', image, '--write-manifest', file])).exitCode, 0);
  const random = seededRandom(t, 720);
  const { size } = await stat(file);
  for (let round = 0; round < 6; round++) {
    await copyFile(file, damaged);
    const at = random.between(0, size);
    if (round % 3 === 0) await execa('truncate', ['-s', String(at), damaged]);
    else await flipBytes(damaged, [at]);
    const { exitCode, stderr } = await fastverify([
      '--src',
      image,
      '--manifest',
      damaged,
      ...state,
    ]);
    t.is(exitCode, 2);
    t.regex(String(stderr), /^error: .*(manifest's .* at byte \d+|is not a manifest).*\n?.*$/);
  }
});

test('a manifest from before there was a cross-check is read as one that does not record it', async (t) => {
  const { directory, image, state } = await populatedVolume(t, extKind('mkfs.ext4'), 32 * mebibyte);
  const file = path.join(directory, 'manifest');
  t.is((await fastverify(['--src', image, '--write-manifest', file])).exitCode, 0);
  const bytes = await readFile(file);
  t.is(bytes[27], 1, 'done');
  bytes[27] = 0;
  const [header] = blocksOf(bytes);
  reseal(bytes, header);
  await writeFile(file, bytes);
  await using manifest = await openManifest(file);
  t.is(manifest.header.crossCheck, null);
  const checked = await fastverify(['--src', image, '--manifest', file, ...state]);
  t.is(checked.exitCode, 0);
});
