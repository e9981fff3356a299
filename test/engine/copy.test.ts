/** Copies between all kinds of devices and files, against dd and cmp. */

import path from 'node:path';
import test from 'ava';
import {
  type Backend,
  copy,
  type CopyRequest,
  descriptorEndpoint,
} from '../../src/engine/index.js';
import { seededRandom } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import {
  backends,
  cmp,
  copyWithDd,
  fill,
  KiB,
  MiB,
  noise,
  opened,
  randomExtents,
  shuffled,
  volumeKinds,
  type VolumeKind,
} from './volumes.js';

const { loop512, loop4096, loopDirect, ext4, ext1k, xfs, tmpfs } = volumeKinds;

type Options = Partial<CopyRequest>;

interface Case {
  readonly source: VolumeKind;
  readonly target: VolumeKind;
  /** Extents lie on multiples of this. */
  readonly unitBytes: number;
  readonly options?: Options;
}

const small: Options = { chunkBytes: 64 * KiB, inFlightBytes: MiB };

const cases: readonly Case[] = [
  { source: loop512, target: loop512, unitBytes: 4 * KiB },
  { source: loop512, target: loop512, unitBytes: 512, options: small },
  { source: loop4096, target: loop4096, unitBytes: 4 * KiB, options: { verify: true } },
  { source: loop512, target: loop4096, unitBytes: 512, options: { verify: true } },
  { source: loop4096, target: loop512, unitBytes: 1, options: small },
  { source: loopDirect, target: loopDirect, unitBytes: 4 * KiB, options: { queueDepth: 3 } },
  { source: loopDirect, target: ext4, unitBytes: 1, options: { verify: true, compare: true } },
  { source: ext4, target: ext4, unitBytes: 1 },
  { source: ext4, target: loop512, unitBytes: 512, options: { compare: true } },
  { source: ext1k, target: ext1k, unitBytes: 1024, options: { verify: true } },
  { source: xfs, target: xfs, unitBytes: 1, options: { verify: true, ...small } },
  { source: xfs, target: tmpfs, unitBytes: 4 * KiB, options: { compare: true } },
  { source: tmpfs, target: xfs, unitBytes: 1, options: { compare: true, verify: true } },
  { source: tmpfs, target: tmpfs, unitBytes: 1, options: { verify: true } },
  { source: tmpfs, target: loop4096, unitBytes: 1, options: { ...small, queueDepth: 1 } },
];

// Not a multiple of anything, where the kind allows that.
const wantedBytes = 24 * MiB + 3333;

for (const [index, { source, target, unitBytes, options = {} }] of cases.entries()) {
  const words = [...Object.keys(options), `extents of ${unitBytes}`].join(', ');
  test(`${source.name} to ${target.name}: as dd copies (${words})`, async (t) => {
    const random = seededRandom(t, 100 + index);
    const sizeOf = ({ unitBytes: unit }: VolumeKind) => Math.floor(wantedBytes / unit) * unit;
    const [sourceBytes, targetBytes] = [sizeOf(source), sizeOf(target)];
    const from = await source.make(t, sourceBytes);
    const to = await target.make(t, targetBytes);
    const expected = await sparseFile(
      path.join(await scratchDirectory(t), 'expected'),
      targetBytes,
    );

    // A third of the source is zeroes, in pieces of any size.
    const content = noise(index, sourceBytes);
    const holes = randomExtents(random, sourceBytes, 4 * KiB, 6);
    for (let i = 0; i < holes.length; i += 2) {
      const start = holes[i] as number;
      content.fill(0, start, start + (holes[i + 1] as number));
    }
    await fill(from, content);
    const garbage = noise(1000 + index, targetBytes);

    for (const backend of backends) {
      const extents = randomExtents(random, Math.min(sourceBytes, targetBytes), unitBytes, 40);
      await fill(to, garbage);
      await fill(expected, garbage);
      await copyWithDd(from, expected, extents);

      const [input, output] = [await opened(t, from, 'r'), await opened(t, to, 'r+')];
      const job = copy({
        source: descriptorEndpoint(input.fd),
        targets: [descriptorEndpoint(output.fd)],
        extents: index % 2 === 0 ? extents : shuffled(random, extents),
        backend,
        ...options,
      });
      const result = await job.done;

      t.is(result.backend, backend);
      t.false(result.cancelled);
      t.is(await cmp(expected, to, targetBytes), '');
      const { progress } = result;
      const total = extents.reduce((sum, number, i) => (i % 2 === 1 ? sum + number : sum), 0);
      t.is(progress.totalBytes, total);
      t.is(progress.completedBytes, total);
      t.is(progress.durableBytes, total);
      t.is(progress.readBytes, total);
      t.is(progress.writtenBytes + progress.zeroBytes + progress.identicalBytes, total);
      if (options.verify === true && options.compare !== true) t.is(progress.verifiedBytes, total);
    }
  });
}

test('many small extents at once, more than memory holds', async (t) => {
  const sizeBytes = 8 * MiB;
  const from = await loop512.make(t, sizeBytes);
  const to = await loop512.make(t, sizeBytes);
  const expected = await sparseFile(path.join(await scratchDirectory(t), 'expected'), sizeBytes);
  const numbers: number[] = [];
  for (let start = 0; start < sizeBytes; start += 16 * KiB) numbers.push(start, 4 * KiB);
  const extents = Float64Array.from(numbers);
  await fill(from, noise(1, sizeBytes));
  await fill(expected, noise(2, sizeBytes));
  await copyWithDd(from, expected, extents);
  const input = await opened(t, from, 'r');
  const output = await opened(t, to, 'r+');
  for (const backend of backends) {
    await fill(to, noise(2, sizeBytes));
    const { progress } = await copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents,
      backend,
      queueDepth: 512,
      inFlightBytes: MiB,
    }).done;
    t.is(progress.writtenBytes, sizeBytes / 4);
    t.is(await cmp(expected, to, sizeBytes), '');
  }
});

for (const [index, options] of [{}, { compare: true }, { verify: true }].entries()) {
  const words = Object.keys(options).join(', ') || 'plain';
  test(`scattered pieces are copied, and nothing between them (${words})`, async (t) => {
    const random = seededRandom(t, 150 + index);
    const sizeBytes = 6 * MiB;
    const from = await loop512.make(t, sizeBytes);
    const to = await ext4.make(t, sizeBytes);
    const expected = await sparseFile(path.join(await scratchDirectory(t), 'expected'), sizeBytes);
    await fill(from, noise(7, sizeBytes));
    await fill(expected, noise(8, sizeBytes));
    const extents = randomExtents(random, sizeBytes, random.pick([1, 512, 4 * KiB]), 400);
    await copyWithDd(from, expected, extents);
    const input = await opened(t, from, 'r');
    const output = await opened(t, to, 'r+');
    for (const backend of backends) {
      await fill(to, noise(8, sizeBytes));
      const request = {
        source: descriptorEndpoint(input.fd),
        targets: [descriptorEndpoint(output.fd)],
        extents,
        backend,
      };
      const { progress } = await copy({ ...request, ...options, chunkBytes: 256 * KiB }).done;
      t.is(await cmp(expected, to, sizeBytes), '');
      t.is(progress.completedBytes, progress.totalBytes);
      t.is(progress.readBytes, progress.totalBytes);
    }
  });
}

test('several targets get the same from one reading', async (t) => {
  const sizeBytes = 8 * MiB;
  const from = await loop512.make(t, sizeBytes);
  await fill(from, noise(3, sizeBytes));
  const input = await opened(t, from, 'r');
  const targets = [
    await loop4096.make(t, sizeBytes),
    await tmpfs.make(t, sizeBytes),
    await ext4.make(t, sizeBytes),
  ];
  for (const backend of backends) {
    const outputs = [];
    for (const target of targets) {
      await fill(target, noise(4, sizeBytes));
      outputs.push(await opened(t, target, 'r+'));
    }
    const { progress, targetFailures } = await copy({
      source: descriptorEndpoint(input.fd),
      targets: outputs.map(({ fd }) => descriptorEndpoint(fd)),
      extents: Float64Array.of(0, sizeBytes),
      verify: true,
      backend,
    }).done;
    t.is(progress.readBytes, sizeBytes);
    t.is(progress.writtenBytes, 3 * sizeBytes);
    t.is(progress.verifiedBytes, 3 * sizeBytes);
    t.deepEqual(targetFailures, [null, null, null]);
    for (const target of targets) t.is(await cmp(from, target, sizeBytes), '');
  }
});

test('compare mode writes only what differs', async (t) => {
  const sizeBytes = 8 * MiB;
  const from = await loop512.make(t, sizeBytes);
  const to = await loop512.make(t, sizeBytes);
  const content = noise(5, sizeBytes);
  await fill(from, content);
  const changed = Buffer.from(content);
  for (const offset of [0, 3 * MiB + 17, 3 * MiB + 8191, sizeBytes - 1])
    changed.fill(0xee, offset, offset + 1);
  const input = await opened(t, from, 'r');
  const output = await opened(t, to, 'r+');
  for (const backend of backends) {
    await fill(to, changed);
    const { progress } = await copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents: Float64Array.of(0, sizeBytes),
      compare: true,
      verify: true,
      backend,
    }).done;
    t.is(progress.writtenBytes, 4 * 4 * KiB);
    t.is(progress.differentBytes, 4 * 4 * KiB);
    t.is(progress.identicalBytes, sizeBytes - 4 * 4 * KiB);
    t.is(await cmp(from, to, sizeBytes), '');
  }
});

test('a bandwidth limit slows the reading down', async (t) => {
  const sizeBytes = 4 * MiB;
  const from = await tmpfs.make(t, sizeBytes);
  const to = await tmpfs.make(t, sizeBytes);
  await fill(from, noise(6, sizeBytes));
  const input = await opened(t, from, 'r');
  const output = await opened(t, to, 'r+');
  const start = process.hrtime.bigint();
  await copy({
    source: descriptorEndpoint(input.fd),
    targets: [descriptorEndpoint(output.fd)],
    extents: Float64Array.of(0, sizeBytes),
    bytesPerSecond: 8 * MiB,
    chunkBytes: 64 * KiB,
  }).done;
  // Only the lower bound can be relied upon: the last chunk starts when the others are paid for.
  t.true(process.hrtime.bigint() - start >= 480_000_000n);
  t.is(await cmp(from, to, sizeBytes), '');
});

const nonsense: readonly (readonly [string, Options, RegExp])[] = [
  ['no target', { targets: [] }, /at least one target/],
  ['half an extent', { extents: Float64Array.of(0) }, /pairs of start and length/],
  ['overlapping extents', { extents: Float64Array.of(4096, 8192, 0, 5000) }, /do not overlap/],
  ['an extent beyond the source', { extents: Float64Array.of(0, 2 ** 40) }, /within 1048576 bytes/],
  [
    'an extent that is no number',
    { extents: Float64Array.of(0, Number.NaN) },
    /length to be a whole/,
  ],
  ['a negative start', { extents: Float64Array.of(-1, 1) }, /start to be a whole/],
  ['a start past the end', { startAtBytes: 2 ** 30 }, /startAtBytes/],
  ['an odd chunk', { chunkBytes: 5000 }, /chunkBytes to be a multiple of 4096/],
  ['no queue', { queueDepth: 0 }, /queueDepth/],
  ['too much memory', { inFlightBytes: 2 ** 40 }, /inFlightBytes/],
  ['an unknown backend', { backend: 'aio' as Backend }, /auto, uring or threads/],
  ['a flush that never comes', { flushEveryMs: 0 }, /flushEveryMs/],
];

for (const [name, wrong, message] of nonsense) {
  test(`refuses ${name} with a sentence`, async (t) => {
    const directory = await scratchDirectory(t);
    const from = await opened(t, await sparseFile(path.join(directory, 'from'), MiB), 'r');
    const to = await opened(t, await sparseFile(path.join(directory, 'to'), MiB), 'r+');
    const request = {
      source: descriptorEndpoint(from.fd),
      targets: [descriptorEndpoint(to.fd)],
      extents: Float64Array.of(0, MiB),
    };
    t.throws(() => copy({ ...request, ...wrong }), { message });
  });
}

test('refuses a target that is too small, and a descriptor that is not open', async (t) => {
  const directory = await scratchDirectory(t);
  const from = await opened(t, await sparseFile(path.join(directory, 'from'), MiB), 'r');
  const to = await opened(t, await sparseFile(path.join(directory, 'to'), MiB - 1), 'r+');
  const extents = Float64Array.of(0, MiB);
  t.throws(
    () =>
      copy({ source: descriptorEndpoint(from.fd), targets: [descriptorEndpoint(to.fd)], extents }),
    {
      message: /every target to hold 1048576 bytes, got one of 1048575/,
    },
  );
  t.throws(
    () =>
      copy({ source: descriptorEndpoint(2 ** 20), targets: [descriptorEndpoint(to.fd)], extents }),
    { code: 'EBADF' },
  );
});

test('an empty list is done at once', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await opened(t, await sparseFile(path.join(directory, 'file'), MiB), 'r+');
  const request = {
    source: descriptorEndpoint(file.fd),
    targets: [descriptorEndpoint(file.fd)],
    extents: new Float64Array(),
  };
  const { progress, cancelled } = await copy(request).done;
  t.is(progress.totalBytes, 0);
  t.false(cancelled);
});
