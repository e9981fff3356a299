/** The packages that `npm run package` made, and bare systems to try them in. */

import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { packageRoot } from '../../src/package-root.js';
import { version } from '../../src/version.js';
import { flipBits } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import { type Owner, scratchDirectory, sparseFile } from '../support/scratch.js';

const packages = path.join(packageRoot, 'dist/packages');

export const deb = path.join(packages, `fastsync_${version}_amd64.deb`);
export const archive = path.join(packages, `fastsync-${version}-linux-x64.tar.xz`);
export const npmPackage = path.join(packages, `fastsync-${version}.tgz`);

/** As scripts/fetch-trees.sh has it. */
const trees =
  process.env.FASTSYNC_TREES ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'fastsync-trees');

/** What a command in a tree came to. */
export interface Ended {
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A system of its own, gone when the test ends. */
export interface Tree {
  readonly directory: string;
  /** Runs a command in it, with a /proc and processes of its own and without a network. */
  readonly run: (words: readonly string[]) => Promise<Ended>;
}

/** Nothing of the test's own environment, and any exit code. */
export const quiet = { reject: false, stdin: 'ignore', extendEnv: false } as const;

export async function unpackTree(t: Owner, name: string): Promise<Tree> {
  const directory = path.join(await scratchDirectory(t), name);
  await mkdir(directory);
  await execa('tar', ['-C', directory, '--numeric-owner', '-xf', path.join(trees, `${name}.tar`)]);
  await mkdir(path.join(directory, 'proc'), { recursive: true });
  const run = async (words: readonly string[]): Promise<Ended> => {
    const enter = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"';
    const apart = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--propagation=private'];
    const ended = await execa('unshare', [...apart, 'sh', '-c', enter, directory, ...words], {
      ...quiet,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' },
    });
    return ended;
  };
  return { directory, run };
}

/** An ext4 of 64 MiB with files on it, made by mke2fs without a mount. */
export async function sourceImage(t: Owner, file: string): Promise<void> {
  const content = path.join(await scratchDirectory(t), 'content');
  await mkdir(content);
  const database = await sparseFile(path.join(content, 'database'), 9 << 20);
  await fillWithGarbage(database, 9 << 20);
  await execa('mke2fs', ['-q', '-t', 'ext4', '-d', content, file, '64M']);
}

/** Seeds b from a with the installed programs, proves it, and has e2fsck look; then a byte of b is changed. */
export async function seedAndProve(
  t: ExecutionContext,
  { directory, run }: Tree,
  program: (name: string) => string,
): Promise<void> {
  const [a, b] = ['a.img', 'b.img'].map((name) => path.join(directory, name)) as [string, string];
  await sourceImage(t, a);
  const words = ['--src', '/a.img', '--dst', '/b.img'];
  const seeded = await run([program('fastsync'), 'init', ...words]);
  t.is(seeded.exitCode, 0, seeded.stderr);
  const fsck = await execa('e2fsck', ['-fn', b], { reject: false });
  t.is(fsck.exitCode, 0, fsck.stdout);
  const equal = await run([program('fastverify'), ...words]);
  t.is(equal.exitCode, 0, equal.stderr);
  await flipBits(b, [{ at: 2048, bit: 0 }]);
  t.is((await run([program('fastverify'), ...words])).exitCode, 1);
}

/** Every path below a directory, beside those that any installation of anything leaves. */
export async function pathsBelow(directory: string): Promise<string[]> {
  const own = [/^proc\//, /^var\/lib\/dpkg\//, /^var\/log\//, /^var\/cache\//, /^run\//, /^tmp\//];
  // Links out of the tree are not followed: they would lead into this machine's own directories.
  const { stdout } = await execa('find', ['-P', directory, '-mindepth', '1', '-printf', '%P\\n']);
  return stdout
    .split('\n')
    .filter((file) => !own.some((pattern) => pattern.test(file)))
    .sort();
}
