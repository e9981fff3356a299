/** Nothing but a difference ends with 1: the installed program with parts missing, too little of everything, in good time and bad. */

import { cp, mkdir, readdir, rename, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa, type Options } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { firstOutput } from '../support/until.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Installed {
  readonly root: string;
  /** fastverify of two equal images; `shell` is put before it. */
  readonly verify: (shell?: string, options?: Options) => Promise<Ended>;
}

interface Ended {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stderr: string;
}

/** The package as npm installs it, and two images that are equal. */
async function installed(t: ExecutionContext): Promise<Installed> {
  const directory = await scratchDirectory(t);
  const place = path.join(directory, 'package');
  for (const part of ['package.json', 'dist/program', 'native/build/Release/fastsync.node']) {
    await mkdir(path.dirname(path.join(place, part)), { recursive: true });
    await cp(path.join(root, part), path.join(place, part), { recursive: true });
  }
  const source = await sparseFile(path.join(directory, 'a.img'), mebibyte);
  const target = await sparseFile(path.join(directory, 'b.img'), mebibyte);
  const program = path.join(place, 'dist/program/fastverify.mjs');
  const words = ['--src', source, '--dst', target, '--whole'];
  const state = ['--state-dir', path.join(directory, 'state')];
  const command = [process.execPath, program, ...words, ...state];
  return {
    root: place,
    verify: async (shell = '', options = {}) => {
      const script = `${shell} exec "$@"`;
      const { exitCode, signal, stderr } = await execa('bash', ['-c', script, 'bash', ...command], {
        reject: false,
        stdin: 'ignore',
        ...options,
      });
      return { exitCode, signal, stderr: String(stderr) };
    },
  };
}

function isSaid(t: ExecutionContext, { exitCode, stderr }: Ended, what: string): void {
  t.true(exitCode === 2 || exitCode === 3, `${what}: ${exitCode} ${stderr}`);
  t.regex(stderr, /^(warning|note|error): /, what);
  t.notRegex(stderr, /\n {4}at /, what);
}

test('each file missing, or torn: 0 where it is not needed, else a sentence', async (t) => {
  const { root: place, verify } = await installed(t);
  t.is((await verify()).exitCode, 0);
  const programs = path.join(place, 'dist/program');
  const files = [
    ...(await readdir(programs)).map((name) => path.join(programs, name)),
    path.join(place, 'native/build/Release/fastsync.node'),
    path.join(place, 'package.json'),
  ].filter((file) => /\.(mjs|node|json)$/.test(file) && !/fast(sync|verify)\.mjs$/.test(file));
  let needed = 0;
  for (const file of files) {
    const name = path.relative(place, file);
    await rename(file, `${file}.away`);
    const missing = await verify();
    await cp(`${file}.away`, file);
    // The first line of it, if that: no longer a program, nor a library.
    await truncate(file, 50);
    const torn = await verify();
    await rename(`${file}.away`, file);
    if (missing.exitCode === 0) continue;
    needed++;
    isSaid(t, missing, `${name} missing`);
    if (torn.exitCode !== 0) isSaid(t, torn, `${name} torn`);
  }
  t.true(needed >= 3, `${needed} of ${files.length} files are needed`);
});

test('too few descriptors, too little memory: never 1, and no word of a difference', async (t) => {
  const { verify } = await installed(t);
  const fewest = await fewestFiles(await scratchDirectory(t));
  const limits = [
    ...[0, 1, 2, 3, 5, 7, 9, 13, 21].map((more) => `ulimit -n ${fewest + more};`),
    ...[0.25, 1, 2, 4, 8].map((gibibytes) => `ulimit -v ${gibibytes * mebibyte};`),
  ];
  for (const limit of limits) {
    const ended = await verify(limit);
    t.not(ended.exitCode, 1, `${limit} ${ended.stderr}`);
    // Node ends by a signal where it cannot even begin.
    const isOurs = ended.signal === undefined && [2, 3].includes(ended.exitCode ?? 0);
    if (isOurs) isSaid(t, ended, limit);
  }
});

/** So many descriptors this Node takes to open any program; with fewer it ends with 1 by itself. */
async function fewestFiles(directory: string): Promise<number> {
  const program = path.join(directory, 'nothing.mjs');
  await writeFile(program, '');
  for (let files = 8; ; files++) {
    const words = ['-c', 'ulimit -n "$0"; exec "$@"', String(files), process.execPath, program];
    if ((await execa('sh', words, { reject: false })).exitCode === 0) return files;
  }
}

test('a signal while the program loads: a sentence, and 5', async (t) => {
  const { root: place } = await installed(t);
  const program = path.join(place, 'dist/program/fastsync.mjs');
  // A part that does not come to its end: it says that it is being loaded, and waits.
  const guard = (await readdir(path.dirname(program))).find((name) => name.startsWith('guard-'));
  if (guard === undefined) throw new Error('the bundle has no guard');
  await writeFile(
    path.join(path.dirname(program), guard),
    "process.stdout.write('loading'); setInterval(() => {}, 1000); await new Promise(() => {});",
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const run = execa(...endingWithUs(process.execPath, [program, 'status']), {
      reject: false,
      stdin: 'ignore',
    });
    await firstOutput(run);
    run.kill(signal);
    const { exitCode, stderr } = await run;
    t.is(exitCode, 5, signal);
    t.regex(stderr, /^error: fastsync was interrupted before it started to work\.$/);
  }
});

test('a program that throws, or forgets to go on, is not done and has found nothing', async (t) => {
  const { root: place, verify } = await installed(t);
  const programs = path.join(place, 'dist/program');
  const name = (await readdir(programs)).find((file) => /^fastverify-.*\.mjs$/.test(file));
  if (name === undefined) throw new Error('the bundle has no chunk of fastverify');
  for (const body of [
    "throw new Error('lost')",
    "setTimeout(() => { throw new Error('lost'); }, 10); await new Promise(() => {})",
    "void Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 5000))",
    'await new Promise(() => {})',
  ]) {
    await writeFile(path.join(programs, name), `export async function fastverify() { ${body}; }\n`);
    isSaid(t, await verify(), body);
  }
});
