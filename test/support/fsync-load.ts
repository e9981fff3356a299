/** A file system under a load that fsyncs, and the proof that a copy holds all that was promised. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from './lifetime.js';
import { randomFrom } from './random.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from './scratch.js';
import type { Kind } from './seeding.js';
import { during } from './until.js';

const writer = fileURLToPath(new URL('./fsync-writer.js', import.meta.url));
const mostFileBytes = 24_000;

export function fileName(number: number): string {
  return `file${number}`;
}

export function fileContent(seed: number, number: number): Buffer {
  const random = randomFrom(seed * 1_000_003 + number);
  const bytes = random.between(1, mostFileBytes);
  return Buffer.concat([random.bytes(64), Buffer.alloc(bytes, `${seed}/${number};`)]);
}

export interface Load {
  readonly device: string;
  readonly mountPoint: string;
  /** Resolves when so many more files were fsynced: the file system lets writers write. */
  progress(files: number): Promise<void>;
  stop(): Promise<void>;
  /** What a copy of this moment (milliseconds since 1970) lacks, one line for each file. */
  missingIn(directory: string, frozenAt: number): Promise<string[]>;
}

/** A new file system of this kind on a loop device, mounted and written to until `stop`. */
export async function startLoad(
  t: ExecutionContext,
  kind: Kind,
  { sizeBytes, seed, pauseMs = 2 }: { sizeBytes: number; seed: number; pauseMs?: number },
): Promise<Load> {
  const scratch = await scratchDirectory(t);
  const device = await attachLoop(t, await sparseFile(path.join(scratch, 'source.img'), sizeBytes));
  const [mkfs, ...options] = kind.mkfs;
  await execa(mkfs, [...options, device]);
  const { directory: mountPoint } = await mounted(t, device, kind.mount ?? []);
  const log = path.join(scratch, 'log');
  const child = execa(
    ...endingWithUs(process.execPath, [writer, mountPoint, log, String(seed), String(pauseMs)]),
    {
      reject: false,
    },
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    await child;
  });
  const lines = async () => (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n');
  const written = async () => (await lines()).filter((line) => line.startsWith('+')).length;
  return {
    device,
    mountPoint,
    async stop() {
      child.kill('SIGKILL');
      const { signal, stderr } = await child;
      if (signal !== 'SIGKILL') throw new Error(`the writer had ended: ${stderr}`);
    },
    async progress(files) {
      const wanted = (await written()) + files;
      await during(child, async () => (await written()) >= wanted);
    },
    async missingIn(directory, frozenAt) {
      const promised = new Set<number>();
      for (const line of await lines()) {
        const [sign, number, at] = line.split(' ');
        if (!(Number(at) < frozenAt)) continue;
        if (sign === '+') promised.add(Number(number));
        else promised.delete(Number(number));
      }
      const missing: string[] = [];
      for (const number of promised) {
        const found = await readFile(path.join(directory, fileName(number))).catch(() => null);
        if (found === null) missing.push(`file ${number} is not there`);
        else if (!found.equals(fileContent(seed, number))) missing.push(`file ${number} differs`);
      }
      return promised.size === 0 ? ['nothing was promised yet: this proves nothing'] : missing;
    },
  };
}

/** fsck finds nothing in a copy, and everything is there that was fsynced before the freeze. */
export async function proveWhole(
  t: ExecutionContext,
  kind: Kind,
  load: Load,
  image: string,
  frozenAt: number,
): Promise<void> {
  // A frozen XFS has a superblock record in its log, for unlinked files: mounting deals with it.
  const isXfs = kind.fsck[0] === 'xfs_repair';
  if (!isXfs) await fsck(t, kind, image);
  const { directory, unmount } = await mounted(t, image, ['-o', 'loop', ...(kind.mount ?? [])]);
  t.deepEqual(await load.missingIn(directory, frozenAt), [], image);
  await unmount();
  if (isXfs) await fsck(t, kind, image);
}

async function fsck(t: ExecutionContext, kind: Kind, image: string): Promise<void> {
  const [command, ...options] = kind.fsck;
  const { exitCode, all } = await execa(command, [...options, image], { reject: false, all: true });
  t.is(exitCode, 0, all);
}

export const btrfsKind: Kind = {
  mkfs: ['mkfs.btrfs', '-q', '-f'],
  fsck: ['btrfs', 'check', '--readonly'],
};
