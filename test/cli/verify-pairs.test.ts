/** fastverify over a configuration: what goes together, what is said, what stops and what does not. */

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { readHistory } from '../../src/history/index.js';
import type { JsonLine } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { fastverify } from '../support/manifests.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { firstOutput } from '../support/until.js';

const imageBytes = 4 * 1024 ** 2;

interface Scene {
  readonly state: string;
  readonly at: (name: string) => string;
  /** Writes the configuration: top level keys, and settings of the pairs "a" and "b". */
  readonly configure: (top?: object, settings?: object) => Promise<readonly string[]>;
}

/** Two pairs that are equal, without a file system: every byte counts. */
async function scene(t: ExecutionContext): Promise<Scene> {
  const directory = await scratchDirectory(t);
  const at = (name: string) => path.join(directory, name);
  await fillWithGarbage(await sparseFile(at('source'), imageBytes), imageBytes);
  for (const name of ['copy-a', 'copy-b']) await copyFile(at('source'), at(name));
  const state = at('state');
  const configure = async (top: object = {}, settings: object = {}) => {
    const pair = (name: string) => ({ src: at('source'), dst: at(name), whole: true, ...settings });
    const config = { stateDir: state, ...top, pairs: { a: pair('copy-a'), b: pair('copy-b') } };
    await writeFile(at('config.yaml'), JSON.stringify(config));
    return ['--config', at('config.yaml')];
  };
  return { state, at, configure };
}

test('words that contradict each other: one sentence, exit code 2, nothing is checked', async (t) => {
  const { state, configure } = await scene(t);
  const config = await configure();
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [/name the pairs/, config],
    [/use either --all or the names/, [...config, '--all', 'a']],
    [/--repair cannot be combined with --all/, [...config, '--all', '--repair']],
    [/--src cannot be combined/, [...config, '--all', '--src', '/x']],
    [/--free cannot be combined/, [...config, 'a', '--free', 'verify']],
    [/--resume cannot be combined/, [...config, 'a', '--no-resume']],
    [/--max-time cannot be combined/, [...config, 'a', '--max-time', '1h']],
    [/--manifest cannot be combined/, [...config, 'a', '--manifest', 'x']],
    [/--yes cannot be combined/, [...config, 'a', '--yes']],
    [/has no pair "c"; its pairs are a, b/, [...config, 'a', 'c']],
    [/--config was given more than once/, [...config, ...config, '--all']],
    [/cannot read the configuration/, ['--config', '/nowhere/x.yaml', '--all']],
    [/name the volume with --src, or pairs/, []],
  ];
  for (const [expected, words] of cases) {
    const { exitCode, stdout, stderr } = await fastverify(words);
    t.is(exitCode, 2, words.join(' '));
    t.is(stdout, '');
    t.regex(String(stderr), /^error: [^\n]+$/);
    t.regex(String(stderr), expected);
  }
  t.deepEqual(await readHistory(state, 'a'), []);
});

test('a pair in use is not repaired, and that is said', async (t) => {
  const { state, configure } = await scene(t);
  const config = await configure({}, { online: true });
  const { exitCode, stderr } = await fastverify([...config, 'a', '--repair']);
  t.is(exitCode, 2);
  t.regex(String(stderr), /^error: --repair cannot repair the pair a [^\n]+$/);
  t.deepEqual(await readHistory(state, 'a'), []);
});

test('--json: a line for each pair, and a summary with the exit code of the worst', async (t) => {
  const { at, configure } = await scene(t);
  await execa('truncate', ['-s', '-4096', at('copy-b')]);
  const { exitCode, stdout, stderr } = await fastverify([
    ...(await configure()),
    '--all',
    '--json',
  ]);
  t.is(exitCode, 1, String(stderr));
  const lines = String(stdout)
    .split('\n')
    .map((line) => JSON.parse(line) as JsonLine);
  t.like(lines.at(-1), { type: 'summary', exitCode: 1, outcome: 'different' });
  t.deepEqual(lines.at(-1)?.pairs, [
    { pair: 'a', outcome: 'equal', exitCode: 0 },
    { pair: 'b', outcome: 'different', exitCode: 1 },
  ]);
  const [range] = lines.filter(({ type }) => type === 'range');
  t.like(range, { pair: 'b', start: imageBytes - 4096, length: 4096, cause: 'missing' });
  const pairs = lines.filter(({ type }) => type === 'pair');
  t.deepEqual(
    pairs.map(({ pair, differentBytes }) => [pair, differentBytes]),
    [
      ['a', 0],
      ['b', 4096],
    ],
  );
});

test('a log and metrics that cannot be written are said, and stop nothing', async (t) => {
  const { state, configure } = await scene(t);
  const config = await configure({ log: '/proc/x.jsonl', metrics: '/nowhere/x.prom' });
  const { exitCode, stdout, stderr } = await fastverify([...config, '--all']);
  t.is(exitCode, 0);
  t.is(stdout, '');
  const lines = String(stderr).split('\n');
  t.is(lines.length, 4, String(stderr));
  t.regex(lines[0] ?? '', /^warning: cannot write the log \/proc\/x\.jsonl: its directory is gone/);
  t.regex(
    lines[1] ?? '',
    /^warning: cannot write the metrics \/nowhere\/x\.prom: its directory is gone/,
  );
  t.is((await readHistory(state, 'b')).length, 1);
});

test('a volume too large for one night is well while its proofs are young', async (t) => {
  const { state, configure } = await scene(t);
  const slow = { bwlimit: '256K', chunk: '64K', inFlight: '1M', maxTime: '1s' };
  const night = await fastverify([...(await configure({}, slow)), 'a']);
  t.is(night.exitCode, 0, String(night.stdout));
  t.is(`${String(night.stdout)}${String(night.stderr)}`, '');
  const [first] = await readHistory(state, 'a');
  t.like(first, { outcome: 'equal', exitCode: 0, oldestProof: null });
  t.true((first?.comparedBytes ?? imageBytes) < imageBytes);
  const late = await fastverify([...(await configure({}, { ...slow, maxAge: '1s' })), 'a']);
  t.is(late.exitCode, 3);
  t.regex(
    String(late.stdout),
    /^a: NOT PROVEN: .*: a part of it has not been proven for .*, maxAge allows 1 s\./,
  );
  t.regex(String(late.stdout), /^ {2}Last success: /m);
  const whole = await fastverify([...(await configure({}, { maxTime: '1h' })), 'a']);
  t.is(whole.exitCode, 0, String(whole.stdout));
  const last = (await readHistory(state, 'a')).at(-1);
  t.true((last?.comparedBytes ?? imageBytes) < imageBytes, 'it went on where the others stopped');
  t.truthy(last?.oldestProof);
  t.true(Date.parse(last?.oldestProof ?? '') < Date.parse(last?.startedAt ?? ''));
});

test('SIGTERM ends the night in good order: this pair goes on next time, the others wait', async (t) => {
  const { state, at, configure } = await scene(t);
  const slow = { bwlimit: '256K', chunk: '64K', inFlight: '1M' };
  const config = await configure({ log: at('log') }, slow);
  const run = fastverify([...config, '--all', '--json']);
  await firstOutput(run);
  run.kill('SIGTERM');
  const { exitCode, stdout } = await run;
  t.is(exitCode, 5);
  const summary = JSON.parse(String(stdout).trimEnd().split('\n').at(-1) ?? '') as JsonLine;
  t.deepEqual(summary.pairs, [{ pair: 'a', outcome: 'interrupted', exitCode: 5 }]);
  t.like((await readHistory(state, 'a')).at(-1), { outcome: 'interrupted', exitCode: 5 });
  t.deepEqual(await readHistory(state, 'b'), []);
  t.is((await readFile(at('log'), 'utf8')).trimEnd().split('\n').length, 1);
});
