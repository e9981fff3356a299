/** Bad sectors, full disks, targets that fail: what is reported, and what still counts as copied. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { compare, copy, descriptorEndpoint, EngineError } from '../../src/engine/index.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { fileWithBadSectors, nbdFile } from './nbd.js';
import {
  backends,
  cmp,
  fill,
  KiB,
  MiB,
  noise,
  opened,
  smallTmpfs,
  volumeKinds,
} from './volumes.js';
import { during } from '../support/until.js';

const { tmpfs, loop512 } = volumeKinds;
const sizeBytes = 8 * MiB;
const whole = Float64Array.of(0, sizeBytes);

async function scratchFile(t: ExecutionContext, name: string, content?: Uint8Array) {
  const file = await sparseFile(path.join(await scratchDirectory(t), name), sizeBytes);
  if (content !== undefined) await fill(file, content);
  return file;
}

interface BadSource {
  readonly make: (t: ExecutionContext, file: string) => Promise<string>;
  /** What one bad byte costs. */
  readonly sectorBytes: number;
}

const badSources: Readonly<Record<string, BadSource>> = {
  'a file': { make: (_, file) => Promise.resolve(file), sectorBytes: 4 * KiB },
  'a device': { make: (t, file) => attachLoop(t, file, ['--read-only']), sectorBytes: 4 * KiB },
  'a device read directly': {
    make: (t, file) => attachLoop(t, file, ['--read-only', '--direct-io=on']),
    sectorBytes: 512,
  },
};

for (const [name, { make, sectorBytes }] of Object.entries(badSources)) {
  const bad = [
    [0, sectorBytes],
    [MiB - sectorBytes, 2 * sectorBytes],
    [3 * MiB + 64 * KiB, 8 * KiB],
    [5 * MiB, MiB + 64 * KiB],
    [sizeBytes - sectorBytes, sectorBytes],
  ] as const;
  const badBytes = bad.reduce((sum, [, length]) => sum + length, 0);
  const content = noise(1, sizeBytes);

  test(`rescue reads around the bad sectors of ${name}`, async (t) => {
    const backing = await scratchFile(t, 'backing', content);
    const source = await make(t, await fileWithBadSectors(t, backing, sizeBytes, bad));
    const withZeroes = Buffer.from(content);
    for (const [start, length] of bad) withZeroes.fill(0, start, start + length);
    const expected = await scratchFile(t, 'expected', withZeroes);
    const target = await tmpfs.make(t, sizeBytes);
    const input = await opened(t, source, 'r');
    const output = await opened(t, target, 'r+');
    for (const backend of backends) {
      await fill(target, noise(2, sizeBytes));
      const { badRanges, progress, targetFailures } = await copy({
        source: descriptorEndpoint(input.fd),
        targets: [descriptorEndpoint(output.fd)],
        extents: whole,
        rescue: true,
        verify: true,
        backend,
      }).done;
      t.deepEqual([...badRanges], bad.flat());
      t.deepEqual(targetFailures, [null]);
      t.is(progress.badBytes, badBytes);
      t.is(progress.readBytes, sizeBytes - badBytes);
      t.is(progress.durableBytes, sizeBytes);
      t.is(progress.verifiedBytes, sizeBytes - badBytes);
      t.is(await cmp(expected, target, sizeBytes), '');
    }
  });

  test(`rescue while comparing leaves the target what it has where ${name} is bad`, async (t) => {
    const backing = await scratchFile(t, 'backing', content);
    const source = await make(t, await fileWithBadSectors(t, backing, sizeBytes, bad));
    const changed = Buffer.from(content);
    changed[2 * MiB] = (changed[2 * MiB] ?? 0) ^ 1;
    const target = await tmpfs.make(t, sizeBytes);
    const input = await opened(t, source, 'r');
    const output = await opened(t, target, 'r+');
    for (const backend of backends) {
      await fill(target, changed);
      const { badRanges, progress } = await copy({
        source: descriptorEndpoint(input.fd),
        targets: [descriptorEndpoint(output.fd)],
        extents: whole,
        rescue: true,
        compare: true,
        backend,
      }).done;
      t.deepEqual([...badRanges], bad.flat());
      t.is(progress.writtenBytes, 4 * KiB);
      t.is(await cmp(backing, target, sizeBytes), '');
    }
  });

  test(`comparing tells the bad sectors of ${name} from differences`, async (t) => {
    const backing = await scratchFile(t, 'backing', content);
    const source = await make(t, await fileWithBadSectors(t, backing, sizeBytes, bad));
    const changed = Buffer.from(content);
    changed[2 * MiB] = (changed[2 * MiB] ?? 0) ^ 1;
    const other = await opened(t, await scratchFile(t, 'other', changed), 'r');
    const input = await opened(t, source, 'r');
    for (const backend of backends) {
      for (const [left, right] of [
        [input, other],
        [other, input],
      ] as const) {
        const result = await compare({
          left: descriptorEndpoint(left.fd),
          right: descriptorEndpoint(right.fd),
          extents: whole,
          backend,
        }).done;
        t.deepEqual([...result.unreadableRanges], bad.flat());
        t.deepEqual([...result.differentRanges], [2 * MiB, 4 * KiB]);
        t.is(result.progress.badBytes, badBytes);
        t.is(result.progress.identicalBytes, sizeBytes - badBytes - 4 * KiB);
      }
    }
  });
}

test('without rescue a bad sector ends the copy, and what is durable is what was said', async (t) => {
  const content = noise(3, sizeBytes);
  const backing = await scratchFile(t, 'backing', content);
  const source = await fileWithBadSectors(t, backing, sizeBytes, [[5 * MiB + 64 * KiB, 4 * KiB]]);
  const target = await tmpfs.make(t, sizeBytes);
  const input = await opened(t, source, 'r');
  const output = await opened(t, target, 'r+');
  for (const backend of backends) {
    await fill(target, noise(4, sizeBytes));
    const request = {
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents: whole,
      backend,
    };
    const job = copy({ ...request, inFlightBytes: MiB, chunkBytes: 256 * KiB });
    const error = await t.throwsAsync(job.done, { instanceOf: EngineError });
    t.like(error, { code: 'EIO', errno: -5, syscall: 'read', side: 'source', exitCode: 3 });
    t.is(error.offsetBytes, 5 * MiB);
    t.regex(error.message, /^read failed on the source at byte 5242880, 262144 bytes: .*\(EIO\)$/);
    const { durableBytes } = job.progress();
    t.is(durableBytes, 5 * MiB);
    t.is(await cmp(backing, target, durableBytes), '');
  }
});

test('a bad sector between the extents is nobody’s business', async (t) => {
  const content = noise(9, sizeBytes);
  const backing = await scratchFile(t, 'backing', content);
  const gaps = [8 * KiB, 4 * MiB + 8 * KiB];
  const bad = gaps.map((start) => [start, 4 * KiB] as const);
  const source = await fileWithBadSectors(t, backing, sizeBytes, bad);
  const expected = noise(10, sizeBytes);
  const pieces: number[] = [];
  for (const [start] of bad) {
    pieces.push(start - 8 * KiB, 8 * KiB, start + 4 * KiB, 16 * KiB);
    content.copy(expected, start - 8 * KiB, start - 8 * KiB, start);
    content.copy(expected, start + 4 * KiB, start + 4 * KiB, start + 20 * KiB);
  }
  const extents = Float64Array.from(pieces);
  const answer = await scratchFile(t, 'answer', expected);
  const target = await tmpfs.make(t, sizeBytes);
  const input = await opened(t, source, 'r');
  const output = await opened(t, target, 'r+');
  for (const backend of backends) {
    await fill(target, noise(10, sizeBytes));
    await copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents,
      backend,
    }).done;
    t.is(await cmp(answer, target, sizeBytes), '');
    const compared = await compare({
      left: descriptorEndpoint(input.fd),
      right: descriptorEndpoint(output.fd),
      extents,
      backend,
    }).done;
    t.deepEqual([...compared.unreadableRanges], []);
    t.deepEqual([...compared.differentRanges], []);
  }
});

test('a full file system fails its target, and the copy when it was the only one', async (t) => {
  const source = await scratchFile(t, 'source', noise(5, sizeBytes));
  const input = await opened(t, source, 'r');
  for (const backend of backends) {
    const full = await sparseFile(path.join(await smallTmpfs(t, 3 * MiB), 'file'), sizeBytes);
    const output = await opened(t, full, 'r+');
    const job = copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents: whole,
      backend,
    });
    const error = await t.throwsAsync(job.done, { instanceOf: EngineError });
    t.like(error, { code: 'ENOSPC', syscall: 'write', side: 0 });
    t.regex(error.message, /^write failed on target 1 at byte .* \(ENOSPC\)$/);
    t.is(job.progress().durableBytes, 0);
  }
});

test('one of three targets fails, the others are complete', async (t) => {
  const source = await scratchFile(t, 'source', noise(6, sizeBytes));
  const input = await opened(t, source, 'r');
  const image = await sparseFile(path.join(await scratchDirectory(t), 'image'), 4 * MiB);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const { directory } = await mounted(t, await attachLoop(t, image));
  for (const backend of backends) {
    const good = [await tmpfs.make(t, sizeBytes), await loop512.make(t, sizeBytes)];
    const full = await sparseFile(path.join(directory, backend), sizeBytes);
    const [first, second, third] = [
      await opened(t, good[0] as string, 'r+'),
      await opened(t, full, 'r+'),
      await opened(t, good[1] as string, 'r+'),
    ];
    const { targetFailures, progress } = await copy({
      source: descriptorEndpoint(input.fd),
      targets: [first, second, third].map(({ fd }) => descriptorEndpoint(fd)),
      extents: whole,
      verify: true,
      backend,
    }).done;
    t.is(targetFailures[0], null);
    t.like(targetFailures[1], { errno: 28, syscall: 'write', side: 1 });
    t.is(targetFailures[2], null);
    t.is(progress.failedTargets, 1);
    t.is(progress.durableBytes, sizeBytes);
    for (const file of good) t.is(await cmp(source, file, sizeBytes), '');
  }
});

test('a write that fails at one place fails the target there', async (t) => {
  const source = await scratchFile(t, 'source', noise(7, sizeBytes));
  const input = await opened(t, source, 'r');
  const range = `protect=${3 * MiB}-${3 * MiB + 4095}`;
  for (const backend of backends) {
    const target = await nbdFile(t, ['--filter=protect', 'memory', `size=${sizeBytes}`, range]);
    const output = await opened(t, target, 'r+');
    const job = copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents: whole,
      backend,
      flushEveryMs: 1,
    });
    const error = await t.throwsAsync(job.done, { instanceOf: EngineError });
    t.is(error.side, 0);
    const { durableBytes } = job.progress();
    t.true(durableBytes <= 3 * MiB);
    t.is(await cmp(source, target, durableBytes), '');
  }
});

test('verify notices what changed between writing and reading back', async (t) => {
  const source = await scratchFile(t, 'source', noise(8, sizeBytes));
  const input = await opened(t, source, 'r');
  for (const kind of [tmpfs, loop512]) {
    for (const backend of backends) {
      const target = await kind.make(t, sizeBytes);
      const output = await opened(t, target, 'r+');
      const job = copy({
        source: descriptorEndpoint(input.fd),
        targets: [descriptorEndpoint(output.fd)],
        extents: whole,
        verify: true,
        chunkBytes: 64 * KiB,
        queueDepth: 4,
        bytesPerSecond: 2 * MiB,
        flushEveryMs: 60_000,
        backend,
      });
      await during(job.done, () => job.progress().completedBytes >= MiB + 512 * KiB);
      const vandal = await opened(t, target, 'r+');
      await vandal.write(Buffer.from('!'), 0, 1, MiB + 100);
      await vandal.sync();
      job.cancel(); // which ends with a flush and a verification as well
      const error = await t.throwsAsync(job.done, { instanceOf: EngineError });
      t.like(error, { code: 'EIO', syscall: 'verify', side: 0 });
      t.is(error.offsetBytes, MiB);
      t.is(error.lengthBytes, 64 * KiB);
      t.regex(error.message, /the data read back differs from the data written \(target 1 at byte/);
      t.is(job.progress().durableBytes, 0);
    }
  }
});
