/** One flipped bit anywhere in used space is found, and named as tools that are not ours name the place. */

import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastverifyJson, flipBits } from '../support/fastverify.js';
import { fastsyncJson } from '../support/fastsync.js';
import { extPlaces, ntfsPlaces, type Place, xfsPlaces } from '../support/places.js';
import { type Random, seededRandom } from '../support/random.js';
import { extKind, type Kind, makePair, mebibyte, ntfsKind, xfsKind } from '../support/seeding.js';

interface Case {
  readonly name: string;
  readonly kind: Kind;
  readonly sizeBytes: number;
  readonly places: (image: string) => Promise<Place[]>;
  readonly trials: number;
}

/** mkfs wants 300 MB for what is to be used; this is only to be read. */
const smallXfs = xfsKind('--unsupported');

const cases: readonly Case[] = [
  {
    name: 'ext4 of 1 KiB blocks',
    kind: extKind('mkfs.ext4', '-b', '1024'),
    sizeBytes: 64 * mebibyte,
    places: extPlaces,
    trials: 200,
  },
  {
    name: 'ext4 of 4 KiB blocks without flex_bg',
    kind: extKind('mkfs.ext4', '-b', '4096', '-O', '^flex_bg', '-g', '4096'),
    sizeBytes: 64 * mebibyte,
    places: extPlaces,
    trials: 200,
  },
  {
    name: 'XFS',
    kind: smallXfs,
    sizeBytes: 64 * mebibyte,
    places: xfsPlaces,
    trials: 300,
  },
  {
    name: 'NTFS',
    kind: ntfsKind(),
    sizeBytes: 64 * mebibyte,
    places: ntfsPlaces,
    trials: 300,
  },
];

/** So many trials share a run, each in a sector of its own. */
const trialsPerRun = 50;

interface Flip {
  readonly at: number;
  readonly bit: number;
  readonly place: Place;
}

/** Half of them anywhere in used space, half in a structure picked first, so that small ones are hit. */
function pickFlips(random: Random, places: readonly Place[], count: number): Flip[] {
  const byName = new Map<string, Place[]>();
  for (const place of places) {
    const list = byName.get(place.name.source) ?? [];
    byName.set(place.name.source, list);
    list.push(place);
  }
  const structures = [...byName.values()];
  const sectors = new Set<number>();
  const flips: Flip[] = [];
  while (flips.length < count) {
    const place = random.pick(random.next() < 0.5 ? places : random.pick(structures));
    const at = place.start + random.between(0, place.length);
    const sector = Math.floor(at / 512);
    // A neighbour would be reported as one range with it.
    if ([sector - 1, sector, sector + 1].some((one) => sectors.has(one))) continue;
    sectors.add(sector);
    flips.push({ at, bit: random.between(0, 8), place });
  }
  return flips;
}

async function seeded(t: ExecutionContext, { kind, sizeBytes }: Case) {
  const pair = await makePair(t, kind, sizeBytes);
  const words = ['--src', pair.source, '--dst', pair.target, ...pair.state];
  const { exitCode, stderr } = await fastsyncJson(['init', ...words, '--yes']);
  t.is(exitCode, 0, stderr);
  return { ...pair, words };
}

for (const [index, one] of cases.entries()) {
  test(`${one.name}: ${one.trials} of ${one.trials} flipped bits are found and named`, async (t) => {
    const random = seededRandom(t, 40 + index);
    const { source, target, words } = await seeded(t, one);
    const places = await one.places(source);
    const hit = new Set<string>();
    for (let done = 0; done < one.trials; done += trialsPerRun) {
      const flips = pickFlips(random, places, trialsPerRun);
      await flipBits(target, flips);
      const { exitCode, ranges, stderr } = await fastverifyJson(words);
      await flipBits(target, flips);
      t.is(exitCode, 1, stderr);
      t.is(ranges.length, flips.length);
      for (const { at, place } of flips) {
        const found = ranges.find(({ start, length }) => start <= at && at < start + length);
        t.deepEqual(
          [found?.answer, found?.length],
          ['different', 512],
          `byte ${at} of ${place.name}`,
        );
        t.regex(found?.what ?? '', place.name, `byte ${at}`);
        hit.add(place.name.source);
      }
    }
    t.log(`hit: ${[...hit].sort().join(', ')}`);
    t.true(hit.size >= 10, 'structures of many kinds were hit');
    const { exitCode, ranges } = await fastverifyJson(words);
    t.deepEqual([exitCode, ranges], [0, []]);
  });
}

test("bits in free space are nobody's, until they are asked for", async (t) => {
  const random = seededRandom(t, 49);
  const { source, target, words } = await seeded(t, cases[0] as Case);
  await execa('cp', ['--sparse=never', source, target]);
  const { stdout } = await execa('dumpe2fs', [source]);
  const free = [...stdout.matchAll(/^ {2}Free blocks: (.+)$/gm)]
    .flatMap(([, list]) => (list ?? '').split(', '))
    .filter((span) => span !== '')
    .map((span) => span.split('-').map(Number))
    .map(([first = 0, last = first]): Place => ({
      name: /^free$/,
      start: first * 1024,
      length: (last - first + 1) * 1024,
    }));
  const flips = pickFlips(random, free, 40);
  await flipBits(target, flips);
  t.is((await fastverifyJson(words)).exitCode, 0);
  for (const option of [['--free', 'verify'], ['--whole']]) {
    const { exitCode, ranges } = await fastverifyJson([...words, ...option]);
    t.is(exitCode, 1);
    t.deepEqual(
      ranges.map(({ start }) => start),
      flips.map(({ at }) => Math.floor(at / 512) * 512).sort((a, b) => a - b),
    );
    if (option.length === 2) for (const { what } of ranges) t.is(what, 'free');
  }
});
