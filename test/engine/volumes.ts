/** The kinds of file and device that the engine meets, with content, for the tests in this folder. */

import { createCipheriv } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import type { Random } from '../support/random.js';

export const KiB = 1024;
export const MiB = 1024 * KiB;

export const backends = ['uring', 'threads'] as const;

/** Bytes that look random, the same for the same seed: AES in counter mode. */
export function noise(seed: number, lengthBytes: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed >>> 0);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(lengthBytes));
}

/** Opens `file` until the test ends. */
export async function opened(
  t: ExecutionContext,
  file: string,
  flags: 'r' | 'r+',
): Promise<FileHandle> {
  const handle = await open(file, flags);
  t.teardown(() => handle.close());
  return handle;
}

/** Overwrites the beginning of `file`, which keeps its size, and puts it on the disk. */
export async function fill(file: string, content: Uint8Array): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.writev([content], 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface VolumeKind {
  readonly name: string;
  /** Sizes must be multiples of this. */
  readonly unitBytes: number;
  /** Makes one that lasts until the test ends and returns its path. */
  make(t: ExecutionContext, sizeBytes: number): Promise<string>;
}

async function loop(t: ExecutionContext, sizeBytes: number, options: readonly string[]) {
  const file = path.join(await scratchDirectory(t), 'backing');
  return attachLoop(t, await sparseFile(file, sizeBytes), options);
}

async function fileOn(t: ExecutionContext, mkfs: readonly string[], sizeBytes: number) {
  const device = await loop(t, Math.max(4 * sizeBytes, 320 * MiB), []);
  const [command, ...options] = mkfs;
  await execa(command ?? '', [...options, device]);
  const { directory } = await mounted(t, device);
  return sparseFile(path.join(directory, 'file'), sizeBytes);
}

/** A tmpfs of `limitBytes`, gone when the test ends. */
export async function smallTmpfs(t: ExecutionContext, limitBytes: number): Promise<string> {
  const { directory } = await mounted(t, 'none', ['-t', 'tmpfs', '-o', `size=${limitBytes}`]);
  return directory;
}

export const volumeKinds = {
  loop512: {
    name: 'loop device',
    unitBytes: 512,
    make: (t, size) => loop(t, size, []),
  },
  loop4096: {
    name: 'loop device of 4 KiB sectors',
    unitBytes: 4096,
    make: (t, size) => loop(t, size, ['--sector-size', '4096']),
  },
  loopDirect: {
    name: 'direct loop device',
    unitBytes: 512,
    make: (t, size) => loop(t, size, ['--direct-io=on']),
  },
  ext4: {
    name: 'file on ext4',
    unitBytes: 1,
    make: (t, size) => fileOn(t, ['mkfs.ext4', '-q', '-F'], size),
  },
  ext1k: {
    name: 'file on ext4 of 1 KiB blocks',
    unitBytes: 1,
    make: (t, size) => fileOn(t, ['mkfs.ext4', '-q', '-F', '-b', '1024'], size),
  },
  xfs: {
    name: 'file on xfs',
    unitBytes: 1,
    make: (t, size) => fileOn(t, ['mkfs.xfs', '-q', '-f'], size),
  },
  tmpfs: {
    name: 'file on tmpfs',
    unitBytes: 1,
    make: async (t, size) =>
      sparseFile(path.join(await smallTmpfs(t, 2 * size + MiB), 'file'), size),
  },
} as const satisfies Record<string, VolumeKind>;

/** Extents in ascending order with gaps, on multiples of `unitBytes`, within `sizeBytes`. */
export function randomExtents(
  random: Random,
  sizeBytes: number,
  unitBytes: number,
  count: number,
): Float64Array {
  const numbers: number[] = [];
  const units = Math.floor(sizeBytes / unitBytes);
  const cuts = Float64Array.from({ length: 2 * count }, () => random.between(0, units + 1)).sort();
  for (let i = 0; i < cuts.length; i += 2) {
    const start = cuts[i] as number;
    const length = (cuts[i + 1] as number) - start;
    if (length > 0) numbers.push(start * unitBytes, length * unitBytes);
  }
  return Float64Array.from(numbers);
}

/** The list in another order, for work lists need not be sorted. */
export function shuffled(random: Random, extents: Float64Array): Float64Array {
  const order = Array.from({ length: extents.length / 2 }, (_, index) => index);
  order.sort(() => random.next() - 0.5);
  return Float64Array.from(order.flatMap((i) => [...extents.subarray(2 * i, 2 * i + 2)]));
}

/** dd's copy of the same extents: the answer to compare with. */
export async function copyWithDd(
  source: string,
  target: string,
  extents: Float64Array,
): Promise<void> {
  const lines: string[] = [];
  for (let i = 0; i < extents.length; i += 2) lines.push(`${extents[i]} ${extents[i + 1]}`);
  const script = `while read -r start length; do
    dd if="$1" of="$2" bs=256K skip="$start" seek="$start" count="$length" \
      iflag=skip_bytes,count_bytes oflag=seek_bytes conv=notrunc status=none
  done`;
  await execa('bash', ['-euc', script, 'dd', source, target], { input: `${lines.join('\n')}\n` });
}

/** What cmp says of two files or devices: empty when they hold the same, up to `sizeBytes`. */
export async function cmp(left: string, right: string, sizeBytes: number): Promise<string> {
  const { stdout, stderr } = await execa('cmp', ['--bytes', String(sizeBytes), left, right], {
    reject: false,
  });
  return stdout + stderr;
}

/** Bytes that a file takes on its disk. */
export async function allocatedBytes(file: string): Promise<number> {
  const { stdout } = await execa('stat', ['--format', '%b %B', file]);
  const [blocks = 0, size = 0] = stdout.split(' ').map(Number);
  return blocks * size;
}
