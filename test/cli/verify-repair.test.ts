/** `fastverify --repair`: it writes what differs and nothing else, and refuses what init refuses. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { nbdFile } from '../engine/nbd.js';
import { fastverifyJson, flipBits } from '../support/fastverify.js';
import { type Random, seededRandom } from '../support/random.js';
import { attachLoop, mounted, sparseFile } from '../support/scratch.js';
import { mebibyte, ntfsKind, proveSame } from '../support/seeding.js';
import { equalPair, ext4, type ReplicaRecord, smallXfs } from '../support/replica.js';

/** Flips bits anywhere in the file, the superblock's among them; gives what was there before. */
async function damaged(random: Random, target: string, count: number): Promise<Buffer> {
  const before = await readFile(target);
  const places = [
    1024 + 0x60,
    ...Array.from({ length: count }, () => random.between(0, before.length)),
  ];
  await flipBits(
    target,
    [...new Set(places)].map((at) => ({ at, bit: random.between(0, 8) })),
  );
  return before;
}

/** The sectors in which two images differ. */
function differingSectors(left: Buffer, right: Buffer): number[] {
  const sectors: number[] = [];
  for (let at = 0; at < left.length; at += 512) {
    if (left.compare(right, at, at + 512, at, at + 512) !== 0) sectors.push(at / 512);
  }
  return sectors;
}

for (const [index, { name, kind, sizeBytes, sectorBytes }] of [
  { name: 'ext4', kind: ext4, sizeBytes: 48 * mebibyte, sectorBytes: 512 },
  { name: 'ext4 on sectors of 4 KiB', kind: ext4, sizeBytes: 48 * mebibyte, sectorBytes: 4096 },
  { name: 'ext4 on an odd size', kind: ext4, sizeBytes: 48 * mebibyte + 2560, sectorBytes: 512 },
  { name: 'XFS', kind: smallXfs, sizeBytes: 64 * mebibyte, sectorBytes: 512 },
  { name: 'NTFS', kind: ntfsKind(), sizeBytes: 40 * mebibyte, sectorBytes: 512 },
].entries()) {
  test.serial(`${name}: only what differs is written`, async (t) => {
    const random = seededRandom(t, 80 + index);
    const { source, target, state } = await equalPair(t, kind, sizeBytes);
    const before = await damaged(random, target, 300);
    const hurt = await readFile(target);
    const device = await attachLoop(t, target, ['--sector-size', String(sectorBytes)]);
    const words = ['--src', source, '--dst', device, ...state];
    const { exitCode, ranges, summary, stderr } = await fastverifyJson([
      ...words,
      '--repair',
      '--yes',
    ]);
    t.is(exitCode, 0, stderr);
    t.true(ranges.length > 3 && ranges.every(({ repaired }) => repaired));
    await execa('blockdev', ['--flushbufs', device]);
    const after = await readFile(target);
    // What was written is what was damaged within the used ranges; all else is as it was.
    const written = new Set(differingSectors(hurt, after));
    const wanted = new Set(
      ranges.flatMap(({ start, length }) =>
        Array.from({ length: length / 512 }, (_, sector) => start / 512 + sector),
      ),
    );
    t.deepEqual([...written].sort(), [...wanted].sort());
    const mustNotFreeze = differingSectors(before, after);
    t.true(
      mustNotFreeze.every((sector) => !wanted.has(sector)),
      'what is used is as it was',
    );
    t.true(mustNotFreeze.length > 0, 'damage in free space stays');
    t.is(summary.repairedBytes, 512 * written.size);
    const again = await fastverifyJson(words);
    t.deepEqual([again.exitCode, again.ranges], [0, []]);
    await proveSame(t, kind, source, device);
  });
}

interface Refused {
  readonly code: string;
  readonly arrange: (t: ExecutionContext, pair: ReplicaRecord) => Promise<readonly string[]>;
}

const refused: readonly Refused[] = [
  {
    code: 'TARGET_MOUNTED',
    arrange: async (t, { target, words }) => {
      await mounted(t, target, ['-o', 'loop,ro,noload']);
      return words;
    },
  },
  {
    code: 'SOURCE_MOUNTED',
    arrange: async (t, { source, words }) => {
      await mounted(t, source, ['-o', 'loop']);
      return words;
    },
  },
  {
    code: 'SAME_STORAGE',
    arrange: async (t, { source, state }) => [
      ...['--src', source, '--dst', await attachLoop(t, source), ...state],
    ],
  },
  {
    code: 'TARGET_TOO_SMALL',
    arrange: async (t, { source, directory, state }) => {
      const small = await sparseFile(path.join(directory, 'small.img'), 24 * mebibyte);
      return ['--src', source, '--dst', await attachLoop(t, small), ...state];
    },
  },
  {
    code: 'NOT_A_REPLICA',
    // Another file system, which only looks alike.
    arrange: async (_, { target, words }) => {
      await execa('mkfs.ext4', ['-q', '-F', target]);
      return words;
    },
  },
  {
    code: 'NOT_A_REPLICA',
    arrange: async (_, { target, words }) => {
      await writeFile(target, "somebody else's notes");
      return words;
    },
  },
];

for (const [index, { code, arrange }] of refused.entries()) {
  test.serial(`refused (${index}): ${code}`, async (t) => {
    const pair = await equalPair(t);
    await flipBits(pair.target, [{ at: 20 * mebibyte, bit: 0 }]);
    const words = await arrange(t, pair);
    const { stdout: before } = await execa('sha256sum', [pair.target]);
    const { exitCode, summary, stderr } = await fastverifyJson([...words, '--repair']);
    t.is(exitCode, 4, stderr);
    t.is((summary.error as { code: string }).code, code);
    t.is((await execa('sha256sum', [pair.target])).stdout, before);
  });
}

test('where the target cannot be written, what still differs is reported', async (t) => {
  const { source, target, state, words } = await equalPair(t);
  const flips = [4, 12, 20].map((place) => ({ at: place * mebibyte, bit: 1 }));
  await flipBits(target, flips);
  const filter = ['--filter=error', 'file', target, 'error-pwrite=EIO', 'error-pwrite-rate=100%'];
  const broken = await nbdFile(t, filter);
  const request = ['--src', source, '--dst', broken, ...state, '--free', 'verify', '--repair'];
  const { exitCode, ranges, stderr } = await fastverifyJson([...request, '--yes']);
  t.is(exitCode, 1);
  t.regex(stderr, /the repair of .* ended early: .*EIO/);
  const still = ranges.filter(({ answer, repaired }) => answer === 'different' && !repaired);
  for (const { at } of flips) {
    t.true(still.some(({ start, length }) => start <= at && at < start + length));
  }
  // Where it can be written, which the server does no more, it is repaired.
  const mended = await fastverifyJson([...words, '--repair', '--allow-busy-target']);
  t.is(mended.exitCode, 0, mended.stderr);
});
