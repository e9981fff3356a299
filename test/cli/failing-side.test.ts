/** A disk that fails is named by its path, whichever side it is, in whatever a run does with it. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors } from '../engine/nbd.js';
import { smallTmpfs } from '../engine/volumes.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { startLive } from '../support/following.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const bytes = 32 * mebibyte;
/** Where mkfs.ext4 keeps data of the one file: all of the middle is in use. */
const file = 'data';

/** An ext4 of which the middle is one file. */
async function image(t: ExecutionContext): Promise<{ volume: string; at: number }> {
  const directory = await scratchDirectory(t);
  const content = path.join(directory, file);
  await execa('dd', ['if=/dev/urandom', `of=${content}`, 'bs=1M', 'count=8', 'status=none']);
  const volume = await sparseFile(path.join(directory, 'source.img'), bytes);
  await execa('mkfs.ext4', ['-q', '-F', '-b', '4096', volume]);
  await execa('debugfs', ['-w', '-R', `write ${content} ${file}`, volume]);
  const { stdout } = await execa('debugfs', ['-R', `bmap ${file} 1000`, volume]);
  return { volume, at: Number(stdout.trim()) * 4096 };
}

const said = (lines: readonly Readonly<Record<string, unknown>>[]) =>
  lines
    .filter(({ type }) => type === 'note' || type === 'error')
    .map(({ message }) => String(message))
    .join('\n');

test.serial('init, manifest and live: a source with a bad sector', async (t) => {
  const { volume, at } = await image(t);
  const bad = await fileWithBadSectors(t, volume, bytes, [[at, 4096]]);
  const directory = await scratchDirectory(t);
  const state = ['--state-dir', path.join(directory, 'other')];
  const target = path.join(directory, 'target.img');
  const seeded = await fastsyncJson(['init', '--src', bad, '--dst', target, ...state]);
  t.is(seeded.exitCode, 3);
  t.regex(seeded.stderr, new RegExp(`read failed on ${bad} at byte`));

  const device = await attachLoop(t, bad, ['--read-only']);
  const words = ['--src', device, '--dst', path.join(directory, 'follower.img')];
  const run = startLive(t, directory, words);
  const note = await run.line(({ message }) => String(message).includes('failed on'));
  t.true(String(note.message).includes(`read failed on ${device} at byte`), String(note.message));
  const ended = await run.stop();
  t.is(ended.exitCode, 3);
  t.notRegex(said(run.lines), /cannot be used|target 1|the source at/);
});

test.serial('init, repair and live: a target that is full', async (t) => {
  const { volume } = await image(t);
  const full = path.join(await smallTmpfs(t, 2 * mebibyte), 'target.img');
  const directory = await scratchDirectory(t);
  const state = ['--state-dir', path.join(directory, 'other')];
  const seeded = await fastsyncJson(['init', '--src', volume, '--dst', full, '--yes', ...state]);
  t.is(seeded.exitCode, 3);
  t.regex(JSON.stringify(seeded.lines), new RegExp(`failed on ${full}`));
  t.notRegex(JSON.stringify(seeded.lines), /target 1/);

  const repair = ['--src', volume, '--dst', full, '--repair', '--yes', ...state];
  const repaired = await fastverifyJson(repair);
  t.true([1, 3].includes(repaired.exitCode ?? -1));
  t.regex(repaired.stderr, new RegExp(`failed on ${full} at byte`));

  const device = await attachLoop(t, volume);
  const run = startLive(t, directory, ['--src', device, '--dst', full, '--yes']);
  const note = await run.line(({ message }) => /failed on|full|room/.test(String(message)));
  t.true(String(note.message).includes(`failed on ${full}`), String(note.message));
  t.is((await run.stop()).exitCode, 3);
});
