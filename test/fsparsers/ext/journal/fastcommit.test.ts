/** Fast commits: what they claim against what the kernel makes of them, and where they end. */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, linkSync } from 'node:fs';
import { openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { extParser } from '../../../../fsparsers/ext/index.js';
import { BufferReader } from '../../../../fsparsers/reader.js';
import { churn, copyOf, makeCrashImage } from '../../../support/crash-image.js';
import { ourReplay } from '../../../support/ext-journal.js';
import { randomFrom, seededRandom } from '../../../support/random.js';
import type { Random } from '../../../support/random.js';
import { mounted } from '../../../support/scratch.js';

const mebibyte = 1024 * 1024;

/** Else a full commit every five seconds comes between the fast ones on a busy machine. */
const noPeriodicCommit = ['commit=600'];

interface FastCrash {
  readonly image: string;
  /** Contents by name of what was fsynced and left alone. */
  readonly durable: ReadonlyMap<string, Buffer>;
}

/** Work that can be committed fast: files and names come, grow, shrink and go, in directories that stay. */
function fastWork(directory: string, random: Random, steps: number): Map<string, Buffer> {
  const durable = new Map<string, Buffer>();
  for (let step = 0; step < steps; step++) {
    const name = `${random.pick(['', 'a/', 'b/'])}file${random.between(0, 30)}`;
    const file = path.join(directory, name);
    const old = durable.get(name) ?? Buffer.of();
    const change = random.pick(['write', 'append', 'append', 'shorten', 'remove', 'link']);
    durable.delete(name);
    if (change === 'remove') {
      rmSync(file, { force: true });
      continue;
    }
    if (change === 'link' && durable.size > 0) {
      const target = random.pick([...durable.keys()]);
      const contents = durable.get(target) ?? old;
      rmSync(file, { force: true });
      linkSync(path.join(directory, target), file);
      // Not to be changed through either name from now on, for the other's sake.
      durable.delete(target);
      rmSync(path.join(directory, target));
      keep(file, contents, 'r+');
      durable.set(name, contents);
      continue;
    }
    const added = random.bytes(random.between(1, 40_000));
    const contents =
      change === 'append'
        ? Buffer.concat([old, added])
        : change === 'shorten'
          ? old.subarray(0, random.between(0, old.length + 1))
          : added;
    keep(file, contents, 'a');
    durable.set(name, contents);
  }
  return durable;
}

/** Makes the file hold `contents`, and fsyncs it. */
function keep(file: string, contents: Buffer, flags: 'a' | 'r+'): void {
  const descriptor = openSync(file, flags);
  const { size } = fstatSync(descriptor);
  ftruncateSync(descriptor, Math.min(size, contents.length));
  writeSync(descriptor, contents.subarray(Math.min(size, contents.length)));
  closeSync(descriptor);
  const again = openSync(file, 'r+');
  writeSync(again, contents);
  fsyncSync(again);
  closeSync(again);
}

/** A crash after a full commit, and then work of which most is committed fast. */
async function fastCrash(
  t: ExecutionContext,
  random: Random,
  { mkfs, before, after }: { mkfs: readonly string[]; before: number; after: number },
): Promise<FastCrash> {
  let durable: ReadonlyMap<string, Buffer> = new Map();
  const image = await makeCrashImage(t, {
    mkfs: ['mkfs.ext4', '-q', '-F', '-O', 'fast_commit', ...mkfs],
    sizeBytes: 48 * mebibyte,
    mountOptions: noPeriodicCommit,
    load: async (directory) => {
      for (const name of ['a', 'b', 'churn']) await mkdir(path.join(directory, name));
      churn(path.join(directory, 'churn'), random, before);
      await execa('sync', ['-f', directory]);
      durable = fastWork(directory, random, after);
    },
  });
  return { image: image.path, durable };
}

/** Copies what the map calls used onto garbage. */
async function seeded(image: string): Promise<string> {
  const bytes = await readFile(image);
  const map = await extParser.parse(new BufferReader(bytes));
  const target = randomFrom(1).bytes(4096);
  const copy = Buffer.alloc(bytes.length, target);
  for (const { start, length, reason } of map.ranges) {
    if (reason !== 'free') bytes.copy(copy, start, start, start + length);
  }
  const file = `${image}.seeded`;
  await writeFile(file, copy);
  return file;
}

/** Mounts for writing: this kernel cannot replay fast commits on a read-only mount. */
async function contentsAfterMount(
  t: ExecutionContext,
  image: string,
  names: Iterable<string>,
): Promise<Map<string, Buffer> | null> {
  const mount = await mounted(t, image, ['-t', 'ext4', '-o', 'loop']).catch(() => null);
  if (mount === null) return null;
  const contents = new Map<string, Buffer>();
  for (const name of names) {
    contents.set(name, await readFile(path.join(mount.directory, name)).catch(() => Buffer.of()));
  }
  await mount.unmount();
  return contents;
}

/** Steps of work before the last full commit, and after it; small areas take 15 fast commits at most. */
const variants = [
  { title: 'blocks of 4 KiB', mkfs: ['-b', '4096'], before: 10, after: 14 },
  { title: 'blocks of 1 KiB', mkfs: ['-b', '1024'], before: 10, after: 40 },
  { title: 'no checksums', mkfs: ['-b', '2048', '-O', '^metadata_csum'], before: 10, after: 14 },
  { title: 'bigalloc', mkfs: ['-O', 'bigalloc', '-C', '16384'], before: 10, after: 40 },
  { title: 'a log that wraps', mkfs: ['-b', '1024', '-J', 'size=2'], before: 400, after: 40 },
] as const;

for (const variant of variants) {
  test(`fast commits, ${variant.title}`, async (t) => {
    const { image, durable } = await fastCrash(t, seededRandom(t, 41), variant);
    const { outcome } = await ourReplay(image);
    t.log(outcome.detail);
    t.is(outcome.state, 'replayed');
    t.regex(outcome.detail, /\d+ fast commits follow$/);
    t.true(durable.size > 3);

    const original = await copyOf(image, 'kernel');
    const contents = await contentsAfterMount(t, original, durable.keys());
    t.deepEqual(contents, new Map(durable), 'the kernel itself keeps what was fsynced');
    const copy = await seeded(image);
    t.deepEqual(await contentsAfterMount(t, copy, durable.keys()), new Map(durable));
    t.deepEqual(await complaints(copy), await complaints(original));
  });
}

/** What e2fsck finds wrong: not always nothing, even where the kernel replayed the original. */
async function complaints(image: string): Promise<string[]> {
  const { stdout } = await execa('e2fsck', ['-fn', image], { reject: false });
  return stdout.split('\n').filter((line) => !line.includes(image));
}

test('fast commits that fill their area, which the kernel cannot replay', async (t) => {
  const { image } = await plainFastCrash(t, 15);
  const { outcome } = await ourReplay(image);
  t.is(outcome.state, 'unfollowable');
  t.regex(outcome.detail, /fills its area to the end/);
  t.true((await readFile(await seeded(image))).equals(await readFile(image)));
  t.is(await contentsAfterMount(t, image, []), null);
});

/** An image whose only commits after a full one are fast, one block each. */
async function plainFastCrash(t: ExecutionContext, files: number): Promise<FastCrash> {
  const random = seededRandom(t, 42);
  const durable = new Map<string, Buffer>();
  const { path: image } = await makeCrashImage(t, {
    mkfs: ['mkfs.ext4', '-q', '-F', '-O', 'fast_commit', '-b', '4096'],
    sizeBytes: 48 * mebibyte,
    mountOptions: noPeriodicCommit,
    load: async (directory) => {
      await writeFile(path.join(directory, 'first'), 'x');
      await execa('sync', ['-f', directory]);
      for (let nth = 0; nth < files; nth++) {
        const contents = random.bytes(random.between(1, 30_000));
        const file = path.join(directory, `file${nth}`);
        keep(file, contents, 'a');
        durable.set(`file${nth}`, contents);
      }
    },
  });
  return { image, durable };
}

test('without their claims the fsynced files would be lost', async (t) => {
  const { image, durable } = await plainFastCrash(t, 8);
  const { outcome, geometry } = await ourReplay(image);
  t.regex(outcome.detail, /, 8 fast commits follow$/);
  const mountedCopy = await copyOf(image, 'kernel');
  t.deepEqual(await contentsAfterMount(t, mountedCopy, durable.keys()), new Map(durable));
  for (const name of durable.keys()) {
    const { stdout } = await execa('debugfs', ['-R', `blocks /${name}`, mountedCopy]);
    for (const block of stdout.trim().split(/\s+/).map(Number)) {
      const at = block * geometry.blockBytes;
      const claimed = outcome.claimed.some(
        (range) => at >= range.start && at < range.start + range.length,
      );
      t.true(claimed, `block ${block} of ${name}`);
    }
  }
});

test('a full commit outdates the fast ones', async (t) => {
  const { path: image } = await makeCrashImage(t, {
    mkfs: ['mkfs.ext4', '-q', '-F', '-O', 'fast_commit'],
    sizeBytes: 48 * mebibyte,
    mountOptions: noPeriodicCommit,
    load: async (directory) => {
      await writeFile(path.join(directory, 'first'), 'x');
      await execa('sync', ['-f', directory]);
      await writeFile(path.join(directory, 'second'), 'x');
      await execa('sync', [path.join(directory, 'second')]);
      await execa('sync', ['-f', directory]);
    },
  });
  const { outcome } = await ourReplay(image);
  t.is(outcome.state, 'replayed');
  t.notRegex(outcome.detail, /fast commits/);
  t.deepEqual(outcome.claimed, []);
});

/** Where block `nth` of the fast-commit area lies, in bytes, by debugfs. */
async function areaOffset(image: string, nth: number): Promise<number> {
  const { stdout: superblock } = await execa('dumpe2fs', ['-h', image]);
  const total = Number(/^Total journal blocks:\s+(\d+)/m.exec(superblock)?.[1]);
  const fast = Number(/^Fast commit length:\s+(\d+)/m.exec(superblock)?.[1]);
  const { stdout } = await execa('debugfs', ['-R', `bmap <8> ${total - fast + 1 + nth}`, image]);
  return Number(stdout) * 4096;
}

async function patch(image: string, at: number, bytes: readonly number[]): Promise<void> {
  const handle = await open(image, 'r+');
  await handle.write(Uint8Array.from(bytes), 0, bytes.length, at);
  await handle.close();
}

/** What is done to block `nth`; how many fast commits then count, or null where nothing may be trusted. */
const damages: readonly {
  readonly title: string;
  readonly nth: number;
  readonly at: number;
  readonly bytes: readonly number[];
  readonly commits: number | null;
}[] = [
  { title: 'first commit, a changed byte', nth: 0, at: 40, bytes: [0xff], commits: null },
  { title: 'third commit, a changed byte', nth: 2, at: 40, bytes: [0xff], commits: 2 },
  { title: 'third commit, an unknown tag', nth: 2, at: 0, bytes: [0x63, 0], commits: 2 },
  { title: 'third commit, a tag beyond its block', nth: 2, at: 2, bytes: [0xff, 0xff], commits: 2 },
  { title: 'head, an unknown tag behind it', nth: 0, at: 12, bytes: [0x63, 0], commits: null },
  { title: 'head, of another transaction', nth: 0, at: 8, bytes: [0x77], commits: 0 },
  { title: 'head, with features', nth: 0, at: 4, bytes: [0x01], commits: null },
  { title: 'no head', nth: 0, at: 0, bytes: [0x06, 0], commits: 0 },
];

test('damaged fast commits end where the kernel ends them', async (t) => {
  const { image, durable } = await plainFastCrash(t, 5);
  for (const { title, nth, at, bytes, commits } of damages) {
    const damaged = await copyOf(image, title.replaceAll(' ', '-'));
    await patch(damaged, (await areaOffset(damaged, nth)) + at, bytes);
    const { outcome } = await ourReplay(damaged);
    const contents = await contentsAfterMount(t, damaged, durable.keys());
    if (commits === null) {
      t.is(outcome.state, 'unfollowable', title);
      t.regex(outcome.detail, /^fast commit at byte \d+: /, title);
      t.is(contents, null, `${title}: the kernel follows it`);
      continue;
    }
    const expected = commits === 0 ? /blocks$/ : new RegExp(`, ${commits} fast commits follow$`);
    t.regex(outcome.detail, expected, title);
    const kept = [...durable].filter(([name, bytes]) => contents?.get(name)?.equals(bytes));
    t.is(kept.length, commits, `${title}: files the kernel brings back`);
  }
});
