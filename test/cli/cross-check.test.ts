/** A file whose blocks the bitmaps call free survives init and verification, and everybody is told of it. */

import { randomBytes } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { blocksOf, freeOwned, missedByE2fsck } from '../support/ext-freed.js';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson, flipBits } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 2 ** 20;
const bytes = 64 * mebibyte;

/** A file in two halves, of which the bitmap calls 300 blocks free. */
async function contradictory(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), bytes);
  const content = path.join(directory, 'content');
  await writeFile(content, randomBytes(8 * mebibyte));
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', image]);
  await execa('debugfs', ['-w', '-R', `write ${content} file`, image]);
  const blocks = await blocksOf(image, 'file');
  const freed = blocks.slice(blocks.length - 600, blocks.length - 300);
  await freeOwned(image, freed);
  t.deepEqual(await missedByE2fsck(image), freed);
  const replica = async (name: string) => {
    const file = await sparseFile(path.join(directory, name), bytes);
    await fillWithGarbage(file, bytes);
    return file;
  };
  const state = ['--state-dir', path.join(directory, 'state')];
  return { directory, image, content, freed, replica, state };
}

async function holdsTheFile(t: ExecutionContext, image: string, content: string) {
  const { directory, unmount } = await mounted(t, image, ['-o', 'ro,noload']);
  const [there, here] = await Promise.all([
    readFile(path.join(directory, 'file')),
    readFile(content),
  ]);
  await unmount();
  return there.equals(here);
}

test('init: the file is whole on the replica, as e2image has it', async (t) => {
  const { directory, image, content, replica, state } = await contradictory(t);
  const target = await replica('target.img');
  const words = ['--src', image, '--dst', target, '--yes', ...state];
  const { exitCode, lines, summary } = await fastsyncJson(['init', ...words]);
  t.is(exitCode, 0, JSON.stringify(summary));
  const note = lines.find(({ code }) => code === 'FREE_BUT_CLAIMED');
  t.is(note?.severity, 'warning');
  t.regex(String(note?.message), /1228800 bytes as free that belong to inode 12 .*e2fsck -f/);
  t.true(await holdsTheFile(t, target, content));

  const peer = path.join(directory, 'peer.img');
  await execa('e2image', ['-ra', image, peer]);
  t.true(await holdsTheFile(t, peer, content));

  const believing = await replica('believing.img');
  await fastsyncJson([
    'init',
    '--src',
    image,
    '--dst',
    believing,
    '--yes',
    '--cross-check',
    'none',
    ...state,
  ]);
  t.false(await holdsTheFile(t, believing, content));
});

test('fastverify: a difference there is one, and a manifest covers it and says how it was made', async (t) => {
  const { directory, image, freed, state } = await contradictory(t);
  const target = path.join(directory, 'target.img');
  await copyFile(image, target);
  const manifest = path.join(directory, 'manifest');
  const made = await fastverifyJson(['--src', image, '--write-manifest', manifest]);
  t.is(made.exitCode, 0);
  t.like(made.summary, { crossCheck: { state: 'done', contradictedBytes: 300 * 4096 } });
  await flipBits(target, [{ at: (freed[100] ?? 0) * 4096 + 7, bit: 3 }]);

  const pair = ['--src', image, '--dst', target, '--state-dir'];
  const found = await fastverifyJson([...pair, path.join(directory, 'a')]);
  t.is(found.exitCode, 1);
  t.true(found.lines.some(({ code }) => code === 'FREE_BUT_CLAIMED'));
  const against = await fastverifyJson(['--src', target, '--manifest', manifest, ...state]);
  t.is(against.exitCode, 1);
  const believing = await fastverifyJson([
    ...pair,
    path.join(directory, 'b'),
    '--cross-check',
    'none',
  ]);
  t.is(believing.exitCode, 0);
  t.false(believing.lines.some(({ code }) => code === 'FREE_BUT_CLAIMED'));
});

test('map: of a volume, and of a partition of a disk', async (t) => {
  const { directory, image } = await contradictory(t);
  const disk = await sparseFile(path.join(directory, 'disk.img'), bytes + 2 * mebibyte);
  await execa('sgdisk', ['-n', '1:2048:+64M', disk]);
  await execa('dd', [`if=${image}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc,sparse']);
  const mapOf = async (volume: string) => {
    const { stdout, stderr } = await fastsync(['map', volume, '--format', 'json']);
    const map = JSON.parse(String(stdout)) as Record<string, unknown>;
    return { map, stderr: String(stderr) };
  };
  const own = await mapOf(image);
  t.like(own.map, {
    crossCheck: { state: 'done', detail: 'inodes', contradictedBytes: 300 * 4096 },
    filesystem: { state: 'errors' },
  });
  const part = await mapOf(disk);
  t.like(part.map, {
    crossCheck: { state: 'done', detail: 'partition 1: inodes', contradictedBytes: 300 * 4096 },
    filesystem: { state: 'errors' },
  });
  t.regex(part.stderr, /partition 1: the block bitmaps mark 1228800 bytes as free/);
  const { stdout } = await fastsync(['map', image]);
  t.regex(String(stdout), /cross-check: +done \(inodes\), 1228800 bytes marked free have an owner/);
});
