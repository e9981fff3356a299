/** `fastsync report`, as an administrator uses it. */

import { lstat, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { appendRun } from '../../src/history/index.js';
import { fastsync } from '../support/fastsync.js';
import { pictureOf, runOf } from '../support/runs.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';

/** A configuration of two pairs, of which "mail" has been verified twice. */
async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const config = path.join(directory, 'fastsync.yaml');
  const stateDir = path.join(directory, 'state');
  await writeFile(
    config,
    `stateDir: ${stateDir}
pairs:
  mail: { src: /dev/vg0/mail, dst: /dev/vg1/mail }
  web: { src: /dev/vg0/web, dst: /dev/vg1/web }
`,
  );
  const what = 'group 3 inode table';
  const changes = { outcome: 'different', differentBytes: 512, differentRanges: 1 } as const;
  await appendRun(stateDir, runOf(0), pictureOf());
  const seen = pictureOf({
    different: [{ start: 1024, length: 512, what }],
    takenAt: runOf(1).startedAt,
  });
  await appendRun(stateDir, runOf(1, changes), seen);
  const page = path.join(directory, 'mail.html');
  const report = (...words: string[]) => fastsync(['report', ...words, '--config', config]);
  return { directory, page, report };
}

test('as text: verdict, picture, ranges, runs', async (t) => {
  const { report } = await scene(t);
  const { exitCode, stdout, stderr } = await report('mail');
  t.is(exitCode, 0, String(stderr));
  t.is(stderr, '');
  const lines = String(stdout).split('\n');
  t.is(lines[0], 'mail: Different');
  t.true(lines.includes(`  X${'█'.repeat(63)}`), 'the first cell differs');
  t.true(lines.some((line) => /^ +1024 +512 +different +group 3 inode table$/.test(line)));
  const runs = lines.filter((line) => /^ +2026-01-0\d \d\d:\d\d +/.test(line));
  t.deepEqual(
    runs.map((line) => line.trim().split(/ {2,}/).slice(0, 2)),
    [
      ['2026-01-02 02:00', 'different'],
      ['2026-01-01 02:00', 'equal'],
    ],
  );
});

test('a pair without a history is said to be unknown', async (t) => {
  const { report, page } = await scene(t);
  t.regex(String((await report('web')).stdout), /^web: Never verified\n/);
  t.is((await report('web', '--html', page)).exitCode, 0);
  t.regex(await readFile(page, 'utf8'), /<title>web: Never verified<\/title>/);
});

test('as a page: written whole, again over itself, and to stdout', async (t) => {
  const { directory, report, page } = await scene(t);
  for (const _ of ['anew', 'over itself']) {
    const { exitCode, stdout, stderr } = await report('mail', '--html', page);
    t.is(exitCode, 0, String(stderr));
    t.is(stdout, '');
    const text = await readFile(page, 'utf8');
    t.regex(text, /^<!doctype html>[^]*group 3 inode table[^]*<\/html>\s*$/);
  }
  t.is((await stat(page)).mode & 0o777, 0o644);
  t.deepEqual((await readdir(directory)).sort(), ['fastsync.yaml', 'mail.html', 'state']);
  const { stdout } = await report('mail', '--html', '-');
  t.regex(String(stdout), /^<!doctype html>[^]*<\/html>\s*$/);
});

test('a link stays a link; its target is replaced', async (t) => {
  const { directory, report, page } = await scene(t);
  await report('mail', '--html', page);
  const before = await stat(page);
  const link = path.join(directory, 'link.html');
  await symlink(page, link);
  t.is((await report('mail', '--html', link)).exitCode, 0);
  t.true((await lstat(link)).isSymbolicLink());
  t.not((await stat(page)).ino, before.ino);
});

test('what is no such page is never written over', async (t) => {
  const { directory, report } = await scene(t);
  const image = await sparseFile(path.join(directory, 'disk.img'), 4096);
  const other = path.join(directory, 'other.html');
  await writeFile(other, '<!doctype html>\n<title>Mine</title>\n');
  const device = await attachLoop(t, image);
  for (const file of [image, other, device, directory, '/dev/null', path.join(other, 'x')]) {
    const before = await stat(file).catch(() => null);
    const { exitCode, stderr } = await report('mail', '--html', file);
    t.is(exitCode, 2, file);
    t.regex(String(stderr), /^error: [^\n]+$/);
    const after = await stat(file).catch(() => null);
    t.is(after?.ino, before?.ino);
    t.is(after?.mtimeMs, before?.mtimeMs);
  }
  t.is(await readFile(other, 'utf8'), '<!doctype html>\n<title>Mine</title>\n');
});

test('an unknown pair names the known ones', async (t) => {
  const { report } = await scene(t);
  for (const [name, hint] of [
    ['mails', /no pair "mails".* mail, web; did you mean "mail"\?/],
    ['../../etc/passwd', /no pair "[^"]+"; its pairs are mail, web$/],
    ['', /needs a value/],
  ] as const) {
    const { exitCode, stdout, stderr } = await report(name);
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(String(stderr), hint);
  }
});
