/** The exit codes that scripts rely on, as the table in docs/commands.md has them. */

import { truncate } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hangMs } from '../support/hang.js';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;

interface Scene {
  readonly directory: string;
  readonly source: string;
  readonly target: string;
  readonly words: readonly string[];
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), 32 * mebibyte);
  await fillWithGarbage(source, 32 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', '-E', 'nodiscard', source]);
  const target = path.join(directory, 'target.img');
  const state = ['--state-dir', path.join(directory, 'state')];
  return { directory, source, target, words: ['--src', source, '--dst', target, ...state] };
}

interface Case {
  readonly means: string;
  readonly outcome: string;
  /** Sets the scene and gives the words of the command. */
  readonly run: (t: ExecutionContext, scene: Scene) => Promise<readonly string[]>;
}

const table: Readonly<Record<number, Case>> = {
  0: {
    means: 'done',
    outcome: 'done',
    run: (_, { words }) => Promise.resolve(words),
  },
  2: {
    means: 'could not start',
    outcome: 'failed',
    run: (_, { words, source }) =>
      Promise.resolve(words.map((word) => (word === source ? `${source}.missing` : word))),
  },
  3: {
    means: 'incomplete: unreadable ranges',
    outcome: 'incomplete',
    // A loop device whose file was cut short under it gives EIO behind the cut.
    run: async (t, { words, source }) => {
      const device = await attachLoop(t, source);
      await truncate(source, 30 * mebibyte);
      const named = words.map((word) => (word === source ? device : word));
      return [...named, '--whole', '--rescue'];
    },
  },
  4: {
    means: 'refused for safety',
    outcome: 'failed',
    run: async (t, { words, source }) => {
      await mounted(t, source, ['-o', 'loop']);
      return words;
    },
  },
};

for (const [code, { means, outcome, run }] of Object.entries(table)) {
  test(`${code}: ${means}`, async (t) => {
    const set = await scene(t);
    const { exitCode, summary, stderr } = await fastsyncJson(['init', ...(await run(t, set))]);
    t.is(exitCode, Number(code), stderr);
    t.is(summary.outcome, outcome);
    t.is(summary.exitCode, Number(code));
  });
}

test('5: interrupted, and 7: locked by another run', async (t) => {
  const { directory, words } = await scene(t);
  const slow = ['--whole', '--bwlimit', '1M', '--checkpoint-interval', '20'];
  const first = fastsync(['init', ...words, ...slow], { stdout: 'ignore', stderr: 'ignore' });
  await checkpointBeyond(first, directory, 0);
  const second = await fastsyncJson(['init', ...words, '--yes', '--allow-busy-target']);
  t.is(second.exitCode, 7);
  t.regex(second.stderr, new RegExp(`\\b${String(first.pid)}\\b`));
  first.kill('SIGTERM');
  t.is((await first).exitCode, 5);
});

test('a usage error is one line, and exit code 2', async (t) => {
  for (const words of [['init'], ['nonsense'], [], ['map', 'x', '--format', 'y']]) {
    const { exitCode, stdout, stderr } = await fastsync(words);
    t.is(exitCode, 2, words.join(' '));
    t.is(stdout, '');
    t.regex(String(stderr), /^error: [^\n]+$/);
  }
});

test('a state directory that cannot be made is said, not waited for', async (t) => {
  const { source, directory } = await scene(t);
  const target = path.join(directory, 'target.img');
  const words = ['init', '--src', source, '--dst', target, '--state-dir', '/proc/nowhere/at/all'];
  const { exitCode, stderr } = await fastsyncJson(words, { timeout: hangMs });
  t.is(exitCode, 2, stderr);
  t.regex(stderr, /STATE_UNUSABLE/);
});
