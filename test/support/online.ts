/** Online seeds from the outside: a mounted source under an fsync load, and what its copy must hold. */

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { endingWithUs } from './lifetime.js';
import { fastsyncJson } from './fastsync.js';
import { checkKept, type Kept, readFsyncLog } from './durable-log.js';
import { attachLoop, mounted, type Owner, scratchDirectory, sparseFile } from './scratch.js';
import { during } from './until.js';

const mebibyte = 1024 ** 2;

export interface OnlineKind {
  readonly mkfs: readonly [string, ...string[]];
  /** Of a copy beside its original. */
  readonly mount: readonly string[];
  readonly fsck: readonly [string, ...string[]];
  /** About the smallest that there is. */
  readonly sizeBytes: number;
}

export const onlineKinds = {
  ext4: {
    mkfs: ['mkfs.ext4', '-q', '-F'],
    mount: [],
    fsck: ['e2fsck', '-fn'],
    sizeBytes: 128 * mebibyte,
  },
  xfs: {
    mkfs: ['mkfs.xfs', '-q', '-f'],
    mount: ['-o', 'nouuid'],
    fsck: ['xfs_repair', '-n'],
    sizeBytes: 304 * mebibyte,
  },
  btrfs: {
    mkfs: ['mkfs.btrfs', '-q', '-f'],
    mount: [],
    fsck: ['btrfs', 'check'],
    sizeBytes: 160 * mebibyte,
  },
} as const satisfies Record<string, OnlineKind>;
export type OnlineKindName = keyof typeof onlineKinds;
export const onlineKindNames = Object.keys(onlineKinds) as OnlineKindName[];

export interface OnlineSource {
  /** Where everything of the test lies, but nothing that is frozen. */
  readonly scratch: string;
  readonly device: string;
  /** Where it is mounted. */
  readonly directory: string;
  readonly unmount: () => Promise<void>;
  /** Options of every run: state of the test's own. */
  readonly state: readonly string[];
}

/** A new file system on a loop device, mounted until its owner ends. */
export async function onlineSource(
  owner: Owner,
  kind: OnlineKind,
  losetup: readonly string[] = ['--direct-io=on'],
): Promise<OnlineSource> {
  const scratch = await scratchDirectory(owner);
  const image = await sparseFile(path.join(scratch, 'source.img'), kind.sizeBytes);
  const [mkfs, ...options] = kind.mkfs;
  await execa(mkfs, [...options, image]);
  const device = await attachLoop(owner, image, losetup);
  const { directory, unmount } = await mounted(owner, device);
  owner.teardown(() => execa('fsfreeze', ['--unfreeze', directory], { reject: false }));
  return {
    scratch,
    device,
    directory,
    unmount,
    state: ['--state-dir', path.join(scratch, 'state')],
  };
}

export interface FsyncLoad {
  readonly directory: string;
  readonly log: string;
  /** Ends it; rejects if it had failed, or if the source itself does not hold what was fsynced. */
  stop(): Promise<void>;
}

const writerProgram = fileURLToPath(new URL('./durable-writer.js', import.meta.url));

/** Starts a writer in a new directory of the source, and waits until a few fsyncs have come back. */
export async function fsyncLoad(
  owner: Owner,
  { directory: mount, scratch }: Pick<OnlineSource, 'directory' | 'scratch'>,
  name: string,
  seed: number,
): Promise<FsyncLoad> {
  const directory = path.join(mount, name);
  await mkdir(directory);
  const log = path.join(scratch, `${name}.log`);
  const child = execa(
    ...endingWithUs(process.execPath, [writerProgram, directory, log, String(seed)]),
    {
      stdin: 'pipe',
      reject: false,
    },
  );
  const stop = async () => {
    child.stdin.end();
    const { exitCode, stderr } = await child;
    if (exitCode !== 0) throw new Error(`the writer failed: ${stderr}`);
    // What the source itself does not hold is no copy's fault.
    const { lost } = await checkKept(await readFsyncLog(log), directory, Infinity);
    if (lost.length > 0) throw new Error(`the source itself lost ${lost.join(', ')}`);
  };
  owner.teardown(() => {
    child.stdin.end();
    return child;
  });
  const started = async () => (await readFsyncLog(log).catch(() => [])).length > 5;
  await during(child, started);
  return { directory, log, stop };
}

/** An online seed that has to succeed; gives what its cutover was like. */
export async function seedOnline(
  { device, state }: OnlineSource,
  target: string,
  options: readonly string[] = [],
) {
  const words = ['init', '--online', '--src', device, '--dst', target, '--yes', ...state];
  const result = await fastsyncJson([...words, ...options]);
  if (result.exitCode !== 0) {
    throw new Error(`Expected exit code 0: ${result.stderr} ${JSON.stringify(result.summary)}`);
  }
  const { cutover, mapFreezeMs } = result.summary as unknown as OnlineSummary;
  return { ...result, cutover, mapFreezeMs, pointInTimeMs: Date.parse(cutover.consistentAt) };
}

export interface OnlineSummary {
  readonly mapFreezeMs: number;
  readonly cutover: {
    readonly rounds: number;
    readonly recopiedBytes: number;
    readonly bufferedBytes: number;
    readonly frozenBytes: number;
    readonly freezeCallMs: number;
    readonly heldMs: number;
    readonly consistentAt: string;
  };
}

/**
 * Mounts a copy, which cleans up what a frozen XFS leaves to do, holds it against the log, unmounts it,
 * and has its own checker look at it.
 */
export async function checkCopy(
  owner: Owner,
  kind: OnlineKind,
  target: string,
  look: (directory: string) => Promise<Kept>,
): Promise<Kept> {
  const copy = await mounted(owner, target, ['-o', 'loop', ...kind.mount]);
  const kept = await look(copy.directory);
  await copy.unmount();
  const [fsck, ...options] = kind.fsck;
  const { exitCode, all } = await execa(fsck, [...options, target], { reject: false, all: true });
  return exitCode === 0 ? kept : { ...kept, lost: [...kept.lost, `${fsck}: ${all}`] };
}

/** Everything that was fsynced before the moment of the copy is in it. */
export function checkLoad(
  owner: Owner,
  kind: OnlineKind,
  target: string,
  { directory, log }: FsyncLoad,
  pointInTimeMs: number,
): Promise<Kept> {
  return checkCopy(owner, kind, target, async (copy) =>
    checkKept(await readFsyncLog(log), path.join(copy, path.basename(directory)), pointInTimeMs),
  );
}
