/** Every wrong word to every command: one sentence, exit code 2, and a summary for who asked for JSON. */

import { fileURLToPath } from 'node:url';
import test from 'ava';
import { execa } from 'execa';
import { programOutlines } from '../../src/cli/fastsync.js';
import { type CommandOutline, eachCommand, type OptionOutline } from '../../src/cli/outline.js';
import { valueKind } from '../../src/cli/value-kinds.js';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverify } from '../support/fastverify.js';
import type { Answer, Line } from '../support/usage-runner.js';

interface Case extends Line {
  /** What the sentence must name; null: any sentence will do. */
  readonly names: string | null;
}

const nowhere = '/nonexistent/volume';

/** What a command needs beside what its outline calls required. */
const besides: Readonly<Record<string, readonly string[]>> = {
  '': ['--src', nowhere, '--dst', nowhere],
  live: ['--src', nowhere],
  'cron install': ['--dry-run'],
};

/** Values that are none, by what the option takes. */
const noValues: Readonly<Record<string, readonly string[]>> = {
  number: ['abc', '-1', '1.5', '1e300', '0x'],
  size: ['lots', '-1', '5 bananas'],
  time: ['soon', '-1s', '400d', 'NaN'],
};

function baseOf({ name, options, positionals }: CommandOutline): string[] {
  const required = options.filter(({ isRequired }) => isRequired);
  return [
    ...positionals.map(({ choices }) => choices[0] ?? nowhere).filter(() => name !== ''),
    ...required.flatMap((option) => [`--${option.name}`, nowhere]),
    ...(besides[name] ?? []),
  ];
}

/** What is wrong with one option, each as the words to add. */
function slipsOf(option: OptionOutline): readonly (readonly string[])[] {
  const word = `--${option.name}`;
  if (!option.takesValue) {
    return [[`${word}=maybe`], [`${word}=1`], [word, word], [word, `--no-${option.name}`]];
  }
  const value = option.choices[0] ?? option.defaultValue ?? '1';
  return [
    [word],
    [`${word}=`],
    [word, ''],
    [`--no-${option.name}`],
    ...(option.isList ? [] : [[word, value, word, value]]),
    ...(option.choices.length === 0 ? [] : [[word, 'none-of-them']]),
    ...(noValues[valueKind(option.name) ?? ''] ?? []).map((wrong) => [`${word}=${wrong}`]),
  ];
}

function* casesOf(program: Line['program'], command: CommandOutline): Generator<Case> {
  const words = command.name === '' ? [] : command.name.split(' ');
  const of = (more: readonly string[], names: string | null): Case => ({
    program,
    words: [...words, ...more],
    names,
  });
  if (command.commands.length > 0) {
    yield of([], null);
    yield of(['nonsense'], null);
    yield of(['--nonsense'], null);
    return;
  }
  const base = baseOf(command);
  for (const word of [
    '--nonsense',
    '--help-me-not',
    '--toString',
    '--constructor=1',
    '-Z',
    '--__proto__.x=1',
  ]) {
    yield of([...base, word], null);
  }
  if (command.name !== '') yield of(['surplus', ...base], null);
  if (base.length > 0 && command.name !== '') yield of([], null);
  yield of([...base, ''], null);
  for (const { name } of command.positionals) yield of([...base, `--${name}`, 'x'], name);
  for (const option of command.options) {
    if (option.name === 'help' || option.name === 'version') continue;
    for (const slip of slipsOf(option)) yield of([...base, ...slip], option.name);
  }
}

/** Words that contradict each other, or ask for nothing. */
const contradictions: readonly (readonly [Line['program'], string])[] = [
  ['fastsync', `init --src ${nowhere} --dst ${nowhere} --whole --as ext`],
  ['fastsync', `init --src ${nowhere} --dst ${nowhere} --rescue-map /tmp/x`],
  ['fastsync', `live --dst ${nowhere}`],
  ['fastsync', `live --recover --src ${nowhere} --dst ${nowhere}`],
  ['fastsync', 'cron install --dry-run --write'],
  ['fastsync', 'cron install'],
  ['fastverify', ''],
  ['fastverify', `--src ${nowhere}`],
  ['fastverify', '--all mail'],
  ['fastverify', '--all --repair'],
  ['fastverify', '--all --free verify'],
  ['fastverify', `--src ${nowhere} --write-manifest a --manifest b`],
  ['fastverify', `--src ${nowhere} --against b`],
  ['fastverify', `--src ${nowhere} --dst ${nowhere} --online --repair`],
];

const cases: readonly Case[] = [
  ...programOutlines().flatMap(({ program, outline }) =>
    [...eachCommand(outline)].flatMap((command) => [
      ...casesOf(program as Line['program'], command),
    ]),
  ),
  ...contradictions.map(([program, line]) => ({
    program,
    words: line.split(' ').filter(Boolean),
    names: null,
  })),
];

async function answersTo(lines: readonly Line[]): Promise<readonly Answer[]> {
  const runner = fileURLToPath(new URL('../support/usage-runner.js', import.meta.url));
  const { stdout } = await execa(process.execPath, [runner], {
    input: JSON.stringify(lines),
    // Whatever language the terminal has.
    env: { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', FASTSYNC_DEBUG: '' },
  });
  return JSON.parse(stdout) as Answer[];
}

test('one sentence that names what is wrong, and exit code 2', async (t) => {
  t.true(cases.length > 500, String(cases.length));
  const plain = cases.filter(({ words }) => !words.includes('--json'));
  const answers = await answersTo(plain);
  for (const [index, { program, words, names }] of plain.entries()) {
    const { exitCode, stdout, stderr } = answers[index] ?? { exitCode: -1, stdout: '', stderr: '' };
    const line = `${program} ${JSON.stringify(words)}: ${stdout}${stderr}`;
    t.is(exitCode, 2, line);
    t.is(stdout, '', line);
    t.regex(stderr, /^error: [^\n]+\n$/, line);
    t.notRegex(stderr, /this is a bug|undefined|\[object/, line);
    // Not that nothing is there: that the words are wrong.
    t.notRegex(stderr, /does not exist/, line);
    if (names !== null) t.true(stderr.includes(names), line);
  }
});

test('with --json the sentence is an object, and a summary ends it', async (t) => {
  // In front of all that is wrong, where no slip behind it can swallow it.
  const lines = cases.map(({ program, words }) => {
    const at = words.findIndex((word) => word.startsWith('-') || word === nowhere || word === '');
    const first = at === -1 ? words.length : at;
    return { program, words: [...words.slice(0, first), '--json', ...words.slice(first)] };
  });
  const answers = await answersTo(lines);
  for (const [index, { program, words }] of lines.entries()) {
    const { exitCode, stdout, stderr } = answers[index] ?? { exitCode: -1, stdout: '', stderr: '' };
    const line = `${program} ${JSON.stringify(words)}: ${stdout}${stderr}`;
    t.is(exitCode, 2, line);
    t.like(JSON.parse(stderr), { type: 'error', code: 'USAGE' }, line);
    const summary = { type: 'summary', outcome: 'failed', exitCode: 2, error: { code: 'USAGE' } };
    t.like(JSON.parse(stdout), summary, line);
  }
});

test('--help of every command is its help, whatever else is wrong', async (t) => {
  const lines = programOutlines().flatMap(({ program, outline }) =>
    [...eachCommand(outline)].flatMap(({ name }) =>
      [['--help'], ['--nonsense', '-h']].map((more) => ({
        program: program as Line['program'],
        words: [...name.split(' ').filter(Boolean), ...more],
      })),
    ),
  );
  for (const [index, { exitCode, stdout, stderr }] of (await answersTo(lines)).entries()) {
    const { program, words } = lines[index] ?? { program: '', words: [] };
    t.is(exitCode, 0, words.join(' '));
    t.true(stdout.startsWith(program), stdout);
    t.is(stderr, '');
  }
});

test('the installed programs say it as well', async (t) => {
  const unknown = await fastsync(['status', '--state-dir']);
  t.is(unknown.exitCode, 2);
  t.is(String(unknown.stderr), 'error: --state-dir needs a value');
  const { exitCode, summary } = await fastsyncJson(['status', '--watch=often']);
  t.is(exitCode, 2);
  t.like(summary, { command: 'status', outcome: 'failed', exitCode: 2 });
  t.is((await fastverify(['--src', 'a', '--dst', 'b', '--lag-tolerance', 'soon'])).exitCode, 2);
});

test('an option under its old name: taken, hidden, and told on stderr', async (t) => {
  const told = 'warning: --settle is deprecated, use --lag-tolerance';
  const volumes = ['--src', nowhere, '--dst', nowhere];
  for (const words of [['--settle', 'soon'], ['--settle=soon']]) {
    const { exitCode, stderr } = await fastverify([...volumes, ...words]);
    t.is(exitCode, 2);
    const [first, second] = String(stderr).split('\n');
    t.is(first, told);
    t.regex(second ?? '', /^error: --lag-tolerance: .*"soon"/, 'the value is its value');
  }
  const supervised = [...volumes, '--io-timeout', '10m', '--settle', '5s'];
  const { stderr } = await fastverify(supervised);
  t.is(String(stderr).split(told).length, 2, 'told once, though a child runs it');
  const json = await fastverify([...volumes, '--json', '--settle', 'soon']);
  const [note = ''] = String(json.stderr).split('\n');
  t.like(JSON.parse(note), { type: 'note', severity: 'warning', code: 'OPTION_DEPRECATED' });
  const both = await fastverify([...volumes, '--settle', '1s', '--lag-tolerance', '2s']);
  t.regex(String(both.stderr), /--lag-tolerance was given more than once/);
  t.notRegex(String((await fastverify(['--help'])).stdout), /--settle/);
  t.notRegex(String((await fastsync(['completion', 'bash'])).stdout), /--settle/);
  const stranger = await fastsync(['init', ...volumes, '--settle', '1s']);
  t.regex(String(stranger.stderr), /^error: .*settle/, 'only where there is the new one');
});
