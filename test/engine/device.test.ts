/** Digests against xxhsum, device facts against blockdev, reads past the page cache. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { deviceInfo, digest, EngineError, engineInfo, readPast } from '../../src/engine/index.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { fill, KiB, MiB, noise, opened } from './volumes.js';

test('digests are those of xxhsum', async (t) => {
  // Lengths on both sides of every branch of the algorithm, and large ones for the vectors.
  const lengths = [
    0,
    1,
    3,
    4,
    8,
    9,
    16,
    17,
    128,
    129,
    240,
    241,
    1023,
    1024,
    1025,
    4096,
    70_000,
    MiB,
  ];
  for (const length of lengths) {
    const bytes = noise(length, length);
    const { stdout } = await execa('xxhsum', ['-H2'], { input: bytes });
    t.is(Buffer.from(digest(bytes)).toString('hex'), stdout.slice(0, 32));
  }
});

test('the digest uses the vectors that this processor has', async (t) => {
  const { stdout } = await execa('grep', ['-m', '1', '-E', '^flags', '/proc/cpuinfo'], {
    reject: false,
  });
  const flags = stdout.split(' ');
  const best = flags.includes('avx512f') ? 'avx512' : flags.includes('avx2') ? 'avx2' : 'baseline';
  t.is(engineInfo().digest, best);
});

for (const sectorBytes of [512, 4096]) {
  test(`a device of ${sectorBytes} byte sectors is what blockdev says`, async (t) => {
    const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), 3 * MiB);
    const device = await attachLoop(t, backing, ['--sector-size', String(sectorBytes)]);
    const { fd } = await opened(t, device, 'r');
    const questions = ['--getsize64', '--getss', '--getpbsz', '--getro'];
    const { stdout } = await execa('blockdev', [...questions, device]);
    const [size = 0, logical = 0, physical = 0, readOnly = 0] = stdout.split('\n').map(Number);
    t.like(deviceInfo(fd), {
      isBlockDevice: true,
      sizeBytes: size,
      logicalBlockBytes: logical,
      physicalBlockBytes: physical,
      readOnly: readOnly === 1,
    });
  });
}

test('a file has a size and no blocks', async (t) => {
  const file = await sparseFile(path.join(await scratchDirectory(t), 'file'), 12_345);
  const { fd } = await opened(t, file, 'r');
  t.deepEqual(deviceInfo(fd), {
    isBlockDevice: false,
    sizeBytes: 12_345,
    logicalBlockBytes: 1,
    physicalBlockBytes: 1,
    readOnly: false,
    rotational: false,
  });
  t.throws(() => deviceInfo(2 ** 20), { code: 'EBADF' });
});

test('reading past the cache sees what is below it', async (t) => {
  const backing = await sparseFile(path.join(await scratchDirectory(t), 'backing'), MiB);
  const device = await attachLoop(t, backing);
  const handle = await opened(t, device, 'r');
  const cached = async () => {
    const { buffer } = await handle.read(Buffer.alloc(3), 0, 3, 5000);
    return buffer.toString();
  };
  await fill(backing, Buffer.alloc(8 * KiB, 'old'));
  t.is(await cached(), 'dol');
  await fill(backing, Buffer.alloc(8 * KiB, 'new'));
  // As a rule 'dol'; but a machine short of memory may drop what is cached at any time.
  t.log(`cached: ${await cached()}`);
  t.is(Buffer.from(await readPast(handle.fd, 5000, 3)).toString(), 'wne');
});

test('reading any piece, aligned or not, and not beyond the end', async (t) => {
  const sizeBytes = MiB + 777;
  const content = noise(1, sizeBytes);
  const file = await sparseFile(path.join(await scratchDirectory(t), 'file'), sizeBytes);
  await fill(file, content);
  const { fd } = await opened(t, file, 'r');
  const pieces: readonly (readonly [number, number])[] = [
    [0, sizeBytes],
    [0, 1],
    [4095, 2],
    [MiB - 1, 778],
    [sizeBytes - 1, 1],
  ];
  for (const [offset, length] of pieces) {
    t.deepEqual(await readPast(fd, offset, length), content.subarray(offset, offset + length));
  }
  await t.throwsAsync(readPast(fd, sizeBytes, 1), { instanceOf: EngineError, code: 'EIO' });
  await t.throwsAsync(readPast(fd, sizeBytes - 1, 2), { instanceOf: EngineError });
  await t.throwsAsync(readPast(fd, 0, 0), { message: /lengthBytes/ });
});
