/** A terminal that understands nothing but lines (TERM=dumb): questions, and signals, without sequences. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncBin } from '../support/fastsync.js';
import { hasEnded } from '../support/lifetime.js';
import { atTerminal, interruptKey, type AtTerminal } from '../support/pty.js';
import { equalPair } from '../support/replica.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { stuckMount } from '../support/stuck-fuse.js';

const lineOf = (words: readonly string[]) => [process.execPath, fastsyncBin, ...words].join(' ');

for (const [answer, exitCode] of [
  ['yes\r', 0],
  ['no\r', 4],
  [interruptKey, 4],
  ['\u0004', 4],
] as const) {
  test(`the question before overwriting, answered with ${JSON.stringify(answer)}`, async (t) => {
    const { source, target, state } = await equalPair(t);
    const before = await readFile(target);
    const words = ['init', '--src', source, '--dst', target, '--compare', ...state];
    const run = atTerminal(t, 'dumb', lineOf(words));
    await run.said('Type "yes": ');
    run.type(answer);
    t.is(await run.ended, exitCode, run.text());
    t.regex(run.text(), /holds ext4/);
    t.notRegex(run.text(), /\u001B/);
    if (exitCode === 4) t.true((await readFile(target)).equals(before));
    else await execa('e2fsck', ['-fn', target]);
  });
}

/** Starts it, and gives its process. */
async function start(t: ExecutionContext, term: string, directory: string, line: string) {
  const file = path.join(directory, 'pid');
  const run = atTerminal(t, term, `echo $$ >${file}; exec ${line}`);
  for (;;) {
    const pid = Number(await readFile(file, 'utf8').catch(() => ''));
    if (pid > 0) return { run, pid };
    await sleep(20);
  }
}

/** A signal that comes before the last one was taken is no second one. */
async function interruptUntilOver(run: AtTerminal, pid: number): Promise<void> {
  for (let waited = 0; !(await hasEnded(pid)); waited++) {
    if (waited % 20 === 0) run.type(interruptKey);
    await sleep(50);
  }
}

for (const term of ['dumb', 'xterm']) {
  test(`the second Ctrl-C at a terminal of the kind ${term}, where the source hangs`, async (t) => {
    const directory = await scratchDirectory(t);
    const target = path.join(directory, 'b');
    const dead = await stuckMount(t, 8 * mebibyte);
    const words = ['init', '--src', dead.file, '--dst', target, '--whole', '--bwlimit', '1M'];
    const state = ['--state-dir', path.join(directory, 'state')];
    const { run, pid } = await start(t, term, directory, lineOf([...words, ...state]));
    while (!existsSync(target)) await sleep(20);
    dead.stop();
    await interruptUntilOver(run, pid);
    // A request that it had taken when it was stopped.
    await dead.end();
    t.is(await run.ended, 5, run.text());
    if (term === 'dumb') t.notRegex(run.text(), /\u001B/);
    else t.true(run.text().trimEnd().endsWith('\u001B[?25h'), JSON.stringify(run.text()));
  });

  test(`the second Ctrl-C at a terminal of the kind ${term}, where JavaScript hangs`, async (t) => {
    const directory = await scratchDirectory(t);
    const source = await sparseFile(path.join(directory, 'source.img'), 64 * mebibyte);
    const target = path.join(directory, 'b');
    const dead = await stuckMount(t, 8 * mebibyte);
    const words = [
      'init',
      '--src',
      source,
      '--dst',
      target,
      '--whole',
      '--bwlimit',
      '1M',
      '--json',
    ];
    const state = ['--state-dir', path.join(directory, 'state')];
    const line = `${lineOf([...words, ...state])} 1<>${dead.file}`;
    const { run, pid } = await start(t, term, directory, line);
    while (!existsSync(target)) await sleep(20);
    dead.stop();
    // It writes a line a second, and waits in the kernel from then on.
    while (!(await readFile(`/proc/${pid}/stack`, 'utf8')).includes('fuse')) await sleep(20);
    await interruptUntilOver(run, pid);
    await dead.end();
    t.is(await run.ended, 5, run.text());
    if (term === 'dumb') t.notRegex(run.text(), /\u001B/);
    else t.true(run.text().includes('\u001B[?25h'), JSON.stringify(run.text()));
  });
}
