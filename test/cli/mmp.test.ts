/**
 * An ext4 that another host has mounted, seen by its multiple mount protection. The other host is this
 * one: its kernel mounts the file, and fastsync sees it by way of a server, where nobody tells of the mount.
 */

import { copyFile, open } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { nbdFile } from '../engine/nbd.js';
import { fastsyncBin, fastsyncJson } from '../support/fastsync.js';
import { fastverifyBin, fastverifyJson } from '../support/fastverify.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 2 ** 20;
const bytes = 32 * mebibyte;

async function protectedImage(t: ExecutionContext, features = 'mmp', intervalSeconds = 1) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'image'), bytes);
  await execa('mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-O', features],
    ...['-E', `mmp_update_interval=${intervalSeconds}`, image],
  ]);
  const state = ['--state-dir', path.join(directory, 'state')];
  return { directory, image, state };
}

async function writeSequence(image: string, sequence: number) {
  const { stdout } = await execa('dumpe2fs', ['-h', image]);
  const figure = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(stdout)?.[1]);
  const file = await open(image, 'r+');
  const word = Buffer.alloc(4);
  word.writeUInt32LE(sequence);
  await file.write(word, 0, 4, figure('MMP block number') * figure('Block size') + 4);
  await file.close();
}

test('mounted by another host: no source, no target, nothing to repair', async (t) => {
  const { directory, image, state } = await protectedImage(t);
  const view = await nbdFile(t, ['file', image]);
  const other = await sparseFile(path.join(directory, 'other'), bytes);
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', other]);
  const target = path.join(directory, 'target');
  const device = await attachLoop(t, image);
  const { unmount } = await mounted(t, device);

  const source = await fastsyncJson(['init', '--src', view, '--dst', target, ...state]);
  t.is(source.exitCode, 4, JSON.stringify(source.summary));
  t.like(source.summary, { error: { code: 'SOURCE_IN_USE_ELSEWHERE' } });
  const said = JSON.stringify(source.summary);
  t.true(said.includes(hostname()) && said.includes(path.basename(device)), said);
  const overridden = ['--allow-source-elsewhere', '--dry-run', ...state];
  t.is((await fastsyncJson(['init', '--src', view, '--dst', target, ...overridden])).exitCode, 0);

  const onto = await fastsyncJson(['init', '--src', other, '--dst', view, '--yes', ...state]);
  t.is(onto.exitCode, 4);
  t.like(onto.summary, { error: { code: 'TARGET_IN_USE_ELSEWHERE' } });
  const pair = ['--src', other, '--dst', view, '--yes', ...state];
  const repair = await fastverifyJson([...pair, '--repair']);
  t.is(repair.exitCode, 4);
  t.like(repair.summary, { error: { code: 'TARGET_IN_USE_ELSEWHERE' } });
  const verified = await fastverifyJson(['--src', view, '--dst', other, ...state]);
  t.like(verified.summary, { error: { code: 'SOURCE_IN_USE_ELSEWHERE' } });

  await unmount();
  const free = await fastsyncJson(['init', '--src', view, '--dst', target, ...state]);
  t.is(free.exitCode, 0, JSON.stringify(free.summary));
});

test('a partition that another host has mounted', async (t) => {
  const { directory, image, state } = await protectedImage(t);
  const disk = await sparseFile(path.join(directory, 'disk'), bytes + 2 * mebibyte);
  await execa('sgdisk', ['-n', '1:2048:+32M', disk]);
  await execa('dd', [`if=${image}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc,sparse']);
  const view = await nbdFile(t, ['file', disk]);
  const device = await attachLoop(t, disk, [
    '--offset',
    String(mebibyte),
    '--sizelimit',
    `${bytes}`,
  ]);
  await mounted(t, device);
  const target = path.join(directory, 'target');
  const { exitCode, summary } = await fastsyncJson([
    'init',
    '--src',
    view,
    '--dst',
    target,
    ...state,
  ]);
  t.is(exitCode, 4);
  t.like(summary, { error: { code: 'SOURCE_IN_USE_ELSEWHERE' } });
});

test('a host that crashed has it no more', async (t) => {
  const { directory, image, state } = await protectedImage(t);
  const device = await attachLoop(t, image);
  const { directory: mount, unmount } = await mounted(t, device);
  await execa('sync', ['-f', mount]);
  const crashed = path.join(directory, 'crashed');
  await copyFile(image, crashed);
  await unmount();
  const target = path.join(directory, 'target');
  const seeded = await fastsyncJson(['init', '--src', crashed, '--dst', target, ...state]);
  t.is(seeded.exitCode, 0, JSON.stringify(seeded.summary));
});

test('the wait for another host is told, and ends at a signal', async (t) => {
  // The longest that there is: whoever waits for its end is told from whoever heard the signal.
  const { directory, image, state } = await protectedImage(t, 'mmp', 300);
  const device = await attachLoop(t, image);
  const { directory: mount } = await mounted(t, device);
  await execa('sync', ['-f', mount]);
  const crashed = path.join(directory, 'crashed');
  await copyFile(image, crashed);
  const target = path.join(directory, 'target');
  const plain = await sparseFile(path.join(directory, 'plain'), bytes);
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', plain]);
  const lines = [
    [fastsyncBin, 'init', '--src', crashed, '--dst', target],
    [fastsyncBin, 'init', '--src', plain, '--dst', crashed, '--yes'],
    [fastsyncBin, 'live', '--src', device, '--dst', crashed],
    [fastverifyBin, '--src', plain, '--dst', crashed],
    [fastverifyBin, '--src', crashed, '--write-manifest', path.join(directory, 'manifest')],
  ];
  for (const line of lines) {
    const words = [...line, ...state, '--json'];
    const run = execa(process.execPath, words, { reject: false, forceKillAfterDelay: false });
    t.teardown(() => run.kill('SIGKILL'));
    const wait = await new Promise<number>((resolve) => {
      let said = '';
      run.stdout.on('data', (data: Buffer) => {
        said += String(data);
        const found = /WATCHED_FOR_OTHERS.* watching for up to (\d+) s whether/.exec(said);
        if (found !== null) resolve(Number(found[1]));
      });
      run.on('exit', () => {
        resolve(0);
      });
    });
    t.true(wait > 300, words.join(' '));
    const startedMs = performance.now();
    run.kill('SIGINT');
    const { exitCode, stderr } = await run;
    t.is(exitCode, 5, `${words.join(' ')} ${stderr}`);
    t.true(performance.now() - startedMs < wait * 1000, words.join(' '));
  }
});

test('a file system that e2fsck is at work on', async (t) => {
  const { directory, image, state } = await protectedImage(t, 'mmp,^metadata_csum');
  await writeSequence(image, 0xe24d4d50);
  const target = path.join(directory, 'target');
  const refused = await fastsyncJson(['init', '--src', image, '--dst', target, ...state]);
  t.is(refused.exitCode, 4);
  t.regex(JSON.stringify(refused.summary), /e2fsck is running/);
  await execa('tune2fs', ['-f', '-E', 'clear_mmp', image]);
  const seeded = await fastsyncJson(['init', '--src', image, '--dst', target, ...state]);
  t.is(seeded.exitCode, 0, JSON.stringify(seeded.summary));
});
