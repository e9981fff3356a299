/** The exit codes of fastverify that scripts rely on, as the table in docs/commands.md has them. */

import test, { type ExecutionContext } from 'ava';
import { fileWithBadSectors } from '../engine/nbd.js';
import { checkpointBeyond, fastsync } from '../support/fastsync.js';
import { cursorBeyond, fastverify, fastverifyJson, flipBits } from '../support/fastverify.js';
import { equalPair, type ReplicaRecord, replicaBytes } from '../support/replica.js';
import { mounted } from '../support/scratch.js';

interface Case {
  readonly means: string;
  readonly outcome: string;
  readonly verdict?: string;
  /** Sets the scene and gives the words of the command. */
  readonly run: (t: ExecutionContext, replica: ReplicaRecord) => Promise<readonly string[]>;
}

const table: Readonly<Record<number, Case>> = {
  0: {
    means: 'equal',
    outcome: 'done',
    verdict: 'equal',
    run: (_, { words }) => Promise.resolve(words),
  },
  1: {
    means: 'different',
    outcome: 'different',
    verdict: 'different',
    run: async (_, { words, target }) => {
      await flipBits(target, [{ at: 1100, bit: 0 }]);
      return words;
    },
  },
  2: {
    means: 'could not start',
    outcome: 'failed',
    run: (_, { words, target }) =>
      Promise.resolve(words.map((word) => (word === target ? `${target}.missing` : word))),
  },
  3: {
    means: 'not proven',
    outcome: 'incomplete',
    verdict: 'not proven',
    run: async (t, { words, target }) => {
      const bad = await fileWithBadSectors(t, target, replicaBytes, [[1024 * 1024, 4096]]);
      return [...words.map((word) => (word === target ? bad : word)), '--stop', '2M'];
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

for (const [code, { means, outcome, verdict, run }] of Object.entries(table)) {
  test(`${code}: ${means}`, async (t) => {
    const replica = await equalPair(t);
    const { exitCode, summary, stderr } = await fastverifyJson(await run(t, replica));
    t.is(exitCode, Number(code), stderr);
    t.is(summary.exitCode, Number(code));
    t.is(summary.outcome, outcome);
    t.is(summary.verdict, verdict);
  });
}

test('5: interrupted', async (t) => {
  const { directory, words } = await equalPair(t);
  const child = fastverify([...words, '--bwlimit', '1M'], { stdout: 'ignore', stderr: 'ignore' });
  await cursorBeyond(child, directory, 0);
  child.kill('SIGTERM');
  t.is((await child).exitCode, 5);
});

test('7: the target of a repair is locked by another run', async (t) => {
  const { directory, words } = await equalPair(t);
  const slow = ['--whole', '--bwlimit', '4M', '--checkpoint-interval', '20', '--yes'];
  const first = fastsync(['init', ...words, ...slow], { stdout: 'ignore', stderr: 'ignore' });
  await checkpointBeyond(first, directory, 0);
  const second = await fastverifyJson([...words, '--repair', '--yes', '--allow-busy-target']);
  t.is(second.exitCode, 7, second.stderr);
  t.regex(second.stderr, new RegExp(`\\b${String(first.pid)}\\b`));
  first.kill('SIGTERM');
  t.is((await first).exitCode, 5);
});
