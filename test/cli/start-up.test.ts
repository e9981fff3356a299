/** What a command loads before it does anything: nothing that another one needs. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Options } from 'execa';
import { parsers } from '../../fsparsers/index.js';
import { families } from '../../src/cli/options.js';
import { fastsync } from '../support/fastsync.js';
import { fastverify } from '../support/fastverify.js';
import { scratchDirectory } from '../support/scratch.js';

type Run = (words: readonly string[], options: Options) => PromiseLike<unknown>;

interface Coverage {
  readonly result: readonly { readonly url: string }[];
}

/** The source files of all chunks that a run loads, as the source maps of the bundle name them. */
async function sourcesLoaded(
  t: ExecutionContext,
  run: Run,
  words: readonly string[],
): Promise<readonly string[]> {
  const coverage = await scratchDirectory(t);
  await run(words, { env: { NODE_V8_COVERAGE: coverage } });
  const urls = new Set<string>();
  for (const name of await readdir(coverage)) {
    const { result } = JSON.parse(await readFile(path.join(coverage, name), 'utf8')) as Coverage;
    for (const { url } of result) if (url.endsWith('.mjs')) urls.add(url);
  }
  t.true(urls.size > 0);
  const sources = [...urls].map(async (url) => {
    const map = JSON.parse(await readFile(fileURLToPath(`${url}.map`), 'utf8')) as {
      readonly sources: readonly string[];
    };
    return map.sources.map((source) => source.replace(/^(\.\.\/)+/, ''));
  });
  return (await Promise.all(sources)).flat();
}

/** What is heavy, and what only a run over volumes or a configuration needs. */
const heavy =
  /^(src\/(engine|tracker|check|agent|history|manifest|protocol|sync)\/|src\/config\/(?!types)|fsparsers\/(ext\/|xfs\/|ntfs\/|disk\/|index)|node_modules\/(zod|yaml|execa|chalk|cli-progress|xxhash-wasm)\/)/;

/** What `status` reads, and no more of sync/. */
const ofStatus =
  /^src\/sync\/(state-file|consistency\/errors|live\/(errors|replica-file|replica-state|status-file))\.ts$/;

const light: readonly (readonly [Run, string])[] = [
  [fastsync, '--version'],
  [fastsync, '--help'],
  [fastsync, 'init --help'],
  [fastsync, 'live --help'],
  [fastsync, 'nonsense'],
  [fastsync, 'init'],
  [fastsync, 'init --src a --dst b --nonsense'],
  [fastsync, 'init --src a --dst b --free none --json'],
  [fastverify, '--version'],
  [fastverify, '--help'],
  [fastverify, '--nonsense'],
];

for (const [run, line] of light) {
  test(`${run.name} ${line}: the tables of options, and nothing that runs`, async (t) => {
    const sources = await sourcesLoaded(t, run, line.split(' '));
    t.true(sources.includes('src/cli/program.ts'));
    t.deepEqual(
      sources.filter((source) => heavy.test(source) || source.endsWith('/run.ts')),
      [],
    );
  });
}

test('status: the files that it reads, and neither engine nor schemas', async (t) => {
  const directory = await scratchDirectory(t);
  const sources = await sourcesLoaded(t, fastsync, ['status', '--state-dir', directory]);
  t.true(sources.includes('src/cli/status/run.ts'));
  t.deepEqual(
    sources.filter((source) => heavy.test(source) && !ofStatus.test(source)),
    [],
  );
});

test('completion: no engine, no schemas', async (t) => {
  const sources = await sourcesLoaded(t, fastsync, ['completion', 'bash']);
  t.true(sources.includes('src/cli/completion/bash.ts'));
  t.deepEqual(
    sources.filter((source) => /zod|yaml|execa|src\/sync\/(?!stall|unfinished)/.test(source)),
    [],
  );
});

test('--as knows the families that there are parsers for', (t) => {
  t.deepEqual([...families].sort(), Object.keys(parsers).sort());
});
