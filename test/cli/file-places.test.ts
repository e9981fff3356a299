/** What fastsync writes goes into regular files: never into a disk, a pipe or a directory of that name. */

import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hangMs } from '../support/hang.js';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverify, fastverifyBin, fastverifyJson } from '../support/fastverify.js';
import { equalPair } from '../support/replica.js';
import { attachLoop, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;

/** Makes what is no regular file at `place`. */
const kinds: Readonly<
  Record<string, (t: ExecutionContext, place: string, disk: string) => Promise<unknown>>
> = {
  'block device': (_, place, disk) => nodeLike(disk, place),
  'character device': (_, place) => execa('mknod', [place, 'c', '1', '3']),
  pipe: (_, place) => execa('mkfifo', [place]),
  socket: (_, place) =>
    execa('python3', [
      '-c',
      'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      place,
    ]),
  directory: (_, place) => mkdir(place),
  'link to a block device': (_, place, disk) => symlink(disk, place),
};

async function nodeLike(disk: string, place: string): Promise<void> {
  const { rdev } = await stat(disk);
  const major = (rdev >> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
  await execa('mknod', [place, 'b', String(major), String(minor)]);
}

for (const [kind, make] of Object.entries(kinds)) {
  test(`${kind}: told by config check, and nothing is written`, async (t) => {
    const { directory, source, target, words } = await equalPair(t);
    const image = await sparseFile(path.join(directory, 'disk.img'), mebibyte);
    const disk = await attachLoop(t, image);
    const place = path.join(directory, 'place.prom');
    await make(t, place, disk);
    const before = await stat(place);
    const config = path.join(directory, 'fastsync.yaml');
    // A directory of that name is just what the state needs.
    const wrong = kind === 'directory' ? ['log', 'metrics'] : ['stateDir', 'log', 'metrics'];
    const keys = wrong.map((key) => `${key}: ${place}\n`).join('');
    await writeFile(config, `${keys}pairs:\n  web: { src: ${source}, dst: ${target} }\n`);

    const checked = await fastsync(['config', 'check', '--config', config]);
    t.is(checked.exitCode, 2);
    const lines = String(checked.stderr).split('\n');
    for (const [index, key] of wrong.entries()) {
      const line = `${config}:${index + 1}:${key.length + 3}: ${key}: ${place} is a `;
      t.true(lines[index]?.startsWith(line), lines[index]);
    }
    t.is(lines.length, wrong.length);
    t.is((await fastverify(['--config', config, '--all'], { timeout: hangMs })).exitCode, 2);

    const map = await fastverifyJson([...words, '--ddrescue-map', place], { timeout: hangMs });
    t.is(map.exitCode, 2, map.stderr);
    t.like(map.summary.error, { code: 'NOT_A_FILE' });
    t.false((await readdir(directory)).includes('state'), 'it was refused before it began');
    t.true((await readFile(image)).equals(Buffer.alloc(mebibyte)), 'the disk holds what it held');
    const after = await stat(place);
    t.deepEqual([after.ino, after.mode, after.rdev], [before.ino, before.mode, before.rdev]);
  });
}

test('a pipe in the place of any other output is refused, not waited for', async (t) => {
  const { directory, source, target: replica } = await equalPair(t);
  const pipe = path.join(directory, 'pipe');
  await execa('mkfifo', [pipe]);
  const target = path.join(directory, 'new.img');
  const config = path.join(directory, 'fastsync.yaml');
  await writeFile(config, `pairs:\n  web: { src: ${source}, dst: ${target} }\n`);
  const limit = { timeout: hangMs };
  const state = ['--state-dir', path.join(directory, 'state')];
  const seed = ['init', '--src', source, '--dst', target, '--rescue', '--rescue-map', pipe];
  t.is((await fastsyncJson([...seed, ...state], limit)).exitCode, 2);
  t.false((await readdir(directory)).includes('new.img'));
  t.is((await fastsync(['report', 'web', '--config', config, '--html', pipe], limit)).exitCode, 2);
  const manifest = await fastverify(['--src', source, '--write-manifest', pipe], limit);
  t.is(manifest.exitCode, 2);
  // A file in the place of the directory of states, and pipes in that of states.
  const file = path.join(directory, 'file');
  await writeFile(file, '');
  const pair = ['--src', source, '--dst', replica, '--state-dir', file];
  const verified = await fastverifyJson(pair, limit);
  t.is(verified.exitCode, 2, verified.stderr);
  t.like(verified.summary.error, { code: 'STATE_UNUSABLE' });
  const seeded = ['init', '--src', source, '--dst', target, '--state-dir', file];
  t.like((await fastsyncJson(seeded, limit)).summary.error, { code: 'STATE_UNUSABLE' });
  t.true((await stat(target).catch(() => ({ blocks: 0 }))).blocks === 0, 'nothing was written');
});

test('a pipe among the files of the state is told, and nobody waits for its writer', async (t) => {
  const { directory, source, target } = await equalPair(t);
  const state = path.join(directory, 'state');
  await mkdir(path.join(state, 'live'), { recursive: true });
  await mkdir(path.join(state, 'history'));
  await execa('mkfifo', [
    path.join(state, 'live', 'x.status.json'),
    path.join(state, 'history', 'web.jsonl'),
  ]);
  const limit = { timeout: hangMs };
  const status = await fastsync(['status', '--state-dir', state], limit);
  t.is(status.exitCode, 2);
  t.regex(
    String(status.stderr),
    /^error: cannot read \S+x\.status\.json: \S+ is a pipe, not a file/,
  );
  const config = path.join(directory, 'fastsync.yaml');
  const pair = `pairs:\n  web: { src: ${source}, dst: ${target} }\n`;
  await writeFile(config, `stateDir: ${state}\n${pair}`);
  const nightly = await fastverify(['--config', config, '--all'], limit);
  t.is(nightly.exitCode, 0, 'the check itself is not concerned');
  t.regex(String(nightly.stderr), /warning: cannot read the history \S+ \S+ is a pipe, not a file/);
});

test('/dev/stdout is what it stands for: a file, or no place for one', async (t) => {
  const { directory, words } = await equalPair(t);
  const out = path.join(directory, 'out.map');
  const map = [...words, '--quiet', '--ddrescue-map', '/dev/stdout'];
  const line = [process.execPath, fastverifyBin, ...map].join(' ');
  const { exitCode, stderr } = await execa('bash', ['-c', `${line} >${out}`], { reject: false });
  t.is(exitCode, 0, stderr);
  t.true((await readFile(out, 'utf8')).startsWith('# Mapfile.'));
  t.is((await fastverify(map, { stdout: 'pipe' })).exitCode, 2);
});
