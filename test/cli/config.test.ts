/** `fastsync config check`, as an administrator and a CI system see it. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { fastsync } from '../support/fastsync.js';
import { scratchDirectory } from '../support/scratch.js';

test('right: silent, exit code 0', async (t) => {
  const file = path.join(await scratchDirectory(t), 'fastsync.yaml');
  await writeFile(file, 'pairs:\n  a: { src: /dev/a, dst: /dev/b }\n');
  const { exitCode, stdout, stderr } = await fastsync(['config', 'check', '--config', file]);
  t.is(exitCode, 0);
  t.is(`${String(stdout)}${String(stderr)}`, '');
});

test('wrong: all problems, each with its place, exit code 2', async (t) => {
  const file = path.join(await scratchDirectory(t), 'fastsync.yaml');
  await writeFile(file, 'pairs:\n  a: { src: /dev/a, dst: dev/b }\n  b: { scr: /x, dst: /y }\n');
  const { exitCode, stdout, stderr } = await fastsync(['config', 'check', '--config', file]);
  t.is(exitCode, 2);
  t.is(stdout, '');
  const lines = String(stderr).split('\n');
  t.is(lines.length, 3, String(stderr));
  for (const [index, place] of ['2:26', '3:3', '3:8'].entries()) {
    t.true(lines[index]?.startsWith(`${file}:${place}: `), lines[index]);
  }
});

test('a file that is not there, is a directory, or is no text: one sentence', async (t) => {
  const directory = await scratchDirectory(t);
  const binary = path.join(directory, 'binary.yaml');
  await writeFile(binary, Buffer.from([0xff, 0xfe, 0x00, 0x80]));
  for (const file of [path.join(directory, 'none.yaml'), directory, binary, '/dev/zero']) {
    const { exitCode, stderr } = await fastsync(['config', 'check', '--config', file]);
    t.is(exitCode, 2);
    t.regex(String(stderr), /^error: cannot read the configuration [^\n]+$/);
    t.true(String(stderr).includes(file));
  }
});

test('a key under its old name: taken, and told with its place', async (t) => {
  const file = path.join(await scratchDirectory(t), 'fastsync.yaml');
  await writeFile(file, 'pairs:\n  a: { src: /dev/a, dst: /dev/b, online: true, settle: 2s }\n');
  const { exitCode, stderr } = await fastsync(['config', 'check', '--config', file]);
  t.is(exitCode, 0);
  const told = `warning: ${file}:2:48: "settle" is deprecated, use "lagTolerance"`;
  t.is(String(stderr), told);
});
