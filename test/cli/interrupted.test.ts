/** What a summary says of the targets when a run ends early, wherever that was. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { fastsyncBin, type JsonLine } from '../support/fastsync.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;

/** A run that is stopped as soon as a line of it says so. */
async function stopped(
  words: readonly string[],
  isTime: (line: JsonLine) => boolean,
): Promise<{ exitCode: number | undefined; lines: JsonLine[] }> {
  const child = execa(...endingWithUs(process.execPath, [fastsyncBin, ...words, '--json']), {
    reject: false,
    stdin: 'ignore',
    buffer: false,
  });
  const lines: JsonLine[] = [];
  for await (const text of child.iterable()) {
    const line = JSON.parse(text) as JsonLine;
    lines.push(line);
    if (isTime(line)) child.kill('SIGINT');
  }
  return { exitCode: (await child).exitCode, lines };
}

async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source'), 64 * mebibyte);
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', source]);
  await execa('e2fsck', ['-fy', source], { reject: false });
  await execa('dd', ['if=/dev/urandom', `of=${path.join(directory, 'data')}`, 'bs=1M', 'count=32']);
  await execa('debugfs', ['-w', '-R', `write ${path.join(directory, 'data')} data`, source]);
  const state = ['--state-dir', path.join(directory, 'state')];
  const target = path.join(directory, 'target');
  return { target, words: ['init', '--src', source, '--dst', target, ...state] };
}

test('stopped while it copies: the target is unfinished, now and when it is stopped again', async (t) => {
  const { target, words } = await scene(t);
  const slow = [...words, '--bwlimit', '4M'];
  const isCopying = ({ type, phase }: JsonLine): boolean =>
    type === 'status' && phase === 'copying';
  const isResumed = ({ type, code }: JsonLine): boolean =>
    type === 'note' && String(code).startsWith('RESUMED');
  for (const isTime of [isCopying, isResumed]) {
    const { exitCode, lines } = await stopped(slow, isTime);
    const summary = lines.at(-1);
    t.is(exitCode, 5, JSON.stringify(summary));
    t.deepEqual(summary?.unfinished, [target]);
    t.is((await execa('blkid', ['-p', target], { reject: false })).exitCode, 2);
  }
  const done = await execa(process.execPath, [fastsyncBin, ...words]);
  t.is(done.exitCode, 0);
  await execa('e2fsck', ['-fn', target]);
});
