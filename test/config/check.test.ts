/** fastsync.yaml: what is right, and where exactly what is wrong. */

import test from 'ava';
import { checkConfig, isProblems } from '../../src/config/check.js';
import { nearest } from '../../src/config/index.js';

/** The problems as "line:column sentence"; empty if there are none. */
function problemsOf(text: string): string[] {
  const checked = checkConfig(text);
  if (!isProblems(checked)) return [];
  return checked.map(({ line, column, sentence }) => `${line}:${column} ${sentence}`);
}

function pairsOf(text: string) {
  const checked = checkConfig(text);
  if (isProblems(checked)) throw new Error(JSON.stringify(checked));
  return checked;
}

test('a small configuration, and what is filled in', (t) => {
  const { pairs, stateDir, log, metrics } = pairsOf('pairs: { a: { src: /x, dst: /y } }');
  t.like(pairs[0], {
    name: 'a',
    src: '/x',
    dst: '/y',
    free: 'ignore',
    whole: false,
    as: null,
    repair: false,
    ioTimeoutMs: null,
    maxTimeMs: null,
    maxAgeMs: 7 * 86_400_000,
    ioOptions: { backend: 'auto', bytesPerSecond: 0 },
  });
  t.deepEqual([stateDir, log, metrics], [null, null, null]);
});

test('defaults hold for every pair, and a pair overrides them', (t) => {
  const { pairs, metrics } = pairsOf(`
defaults: { bwlimit: 50M, maxTime: 2h, maxAge: 36h, repair: true, allow: [open-source] }
metrics: /var/lib/node/x.prom
pairs:
  one: { src: /a, dst: /b }
  2: { src: /c, dst: /d, bwlimit: 4096, repair: false, maxAge: 60d, allow: [], as: ext }
`);
  const [one, two] = pairs;
  t.like(one, { name: 'one', maxTimeMs: 7_200_000, maxAgeMs: 129_600_000, repair: true });
  t.is(one?.ioOptions.bytesPerSecond, 50 * 1024 ** 2);
  t.deepEqual([...(one?.overrides ?? [])], ['allow-open-source']);
  t.like(two, { name: '2', repair: false, maxAgeMs: 60 * 86_400_000, as: 'ext' });
  t.is(two?.ioOptions.bytesPerSecond, 4096);
  t.is(two?.overrides.size, 0);
  t.is(metrics, '/var/lib/node/x.prom');
});

const pairOf = (lines: string) => `pairs:\n  a:\n    src: /x\n    dst: /y\n    ${lines}\n`;

const wrong: readonly (readonly [why: string, text: string, expected: readonly RegExp[]])[] = [
  ['an empty file', '', [/^1:1 the file is missing/]],
  ['no mapping', '- a\n- b\n', [/^1:1 the file: expected "key: value"/]],
  ['no pairs', 'log: /x\n', [/^1:1 pairs is missing/]],
  ['an empty list of pairs', 'pairs: {}\n', [/^1:8 pairs: no pair is named/]],
  [
    'a slip in a key',
    pairOf('bwlimt: 5M'),
    [/^5:5 unknown key "bwlimt" in pairs\.a: did you mean "bwlimit"/],
  ],
  ['another way to write a key', pairOf('max-time: 2h'), [/^5:5 .*did you mean "maxTime"/]],
  ['a key of nothing', pairOf('colour: red'), [/^5:5 unknown key "colour".*known are src, dst/]],
  ['a slip at the top', `metric: /x\n${pairOf('')}`, [/^1:1 .*did you mean "metrics"/]],
  ['a size', pairOf('bwlimit: 5X'), [/^5:14 pairs\.a\.bwlimit: expected a size.*got "5X"/]],
  ['a negative size', pairOf('bwlimit: -5'), [/^5:14 .*got -5/]],
  ['an endless size', pairOf('bwlimit: .inf'), [/^5:14 pairs\.a\.bwlimit/]],
  ['a time without a unit', pairOf('maxTime: 90'), [/^5:14 .*expected a time.*got 90/]],
  ['a time longer than a timer', pairOf('maxTime: 25d'), [/^5:14 .*up to 24d, got "25d"/]],
  ['a choice', pairOf('free: maybe'), [/^5:11 .*expected ignore or verify, got "maybe"/]],
  ['yes is no boolean', pairOf('repair: yes'), [/^5:13 .*expected true or false, got "yes"/]],
  ['nothing overwrites by itself', pairOf('allow: [yes]'), [/^5:13 pairs\.a\.allow\.0/]],
  ['a family', pairOf('as: fat32'), [/^5:9 .*ext.*got "fat32"/]],
  ['repair and online', pairOf('online: true\n    repair: true'), [/^6:13 .*contradict/]],
  ['whole and as', pairOf('whole: true\n    as: ext'), [/^6:9 .*contradict/]],
  [
    'a chunk that the engine does not take',
    pairOf('chunk: 1000'),
    [/^3:10 pairs\.a: expected chunkBytes/],
  ],
  [
    'a relative path',
    'pairs:\n  a: {src: x, dst: /y}\n',
    [/^2:12 pairs\.a\.src: expected an absolute/],
  ],
  ['a newline in a path', 'pairs:\n  a: {src: "/x\\ny", dst: /y}\n', [/^2:12 /]],
  ['a missing side', 'pairs:\n  a: {src: /x}\n', [/^2:3 pairs\.a\.dst is missing/]],
  ['a pair of nothing', 'pairs:\n  a:\n', [/^2:5 pairs\.a is missing/]],
  [
    'a name that is a path',
    'pairs:\n  ../a: {src: /x, dst: /y}\n',
    [/^2:3 pairs\.\.\.\/a: expected a name/],
  ],
  ['a hidden name', 'pairs:\n  .a: {src: /x, dst: /y}\n', [/^2:3 /]],
  ['a name of no object', 'pairs:\n  __proto__: {src: /x, dst: /y}\n', [/^2:3 /]],
  [
    'the same name twice',
    'pairs:\n  a: {src: /x, dst: /y}\n  a: {src: /v, dst: /w}\n',
    [/^3:3 map keys must be unique/],
  ],
  [
    'the same pair twice',
    'pairs:\n  a: {src: /x, dst: /y}\n  b: {src: /x, dst: //y/}\n',
    [/^3:21 pairs\.b: the same src and dst as in the pair "a"/],
  ],
  [
    'one dst of two',
    'pairs:\n  a: {src: /x, dst: /y}\n  b: {src: /z, dst: /y}\n',
    [/^3:21 .*another src/],
  ],
  [
    'the other way round',
    'pairs:\n  a: {src: /x, dst: /y}\n  b: {src: /y, dst: /x}\n',
    [/^3:21 .*other way round/],
  ],
  ['both sides the same', 'pairs:\n  a: {src: /x, dst: /./x}\n', [/^2:21 .*are the same/]],
  ['src by default', `defaults: {src: /x}\n${pairOf('')}`, [/^1:12 unknown key "src" in defaults/]],
  ['metrics that nobody reads', `metrics: /x.txt\n${pairOf('')}`, [/^1:10 metrics: .*\.prom/]],
  ['no YAML', 'pairs: [\n', [/^2:1 /]],
  ['a tab', 'pairs:\n\ta: 1\n', [/^2:1 /]],
  ['two documents', `${pairOf('')}---\na: b\n`, [/multiple documents/]],
  [
    'all at once, in order',
    'log: x\npairs:\n  a: {src: x, dots: /y}\n',
    [/^1:6 log/, /^3:3 .*dst is missing/, /^3:12 /, /^3:15 .*"dots"/],
  ],
];

for (const [why, text, expected] of wrong) {
  test(`wrong: ${why}`, (t) => {
    const problems = problemsOf(text);
    t.is(problems.length, expected.length, problems.join('\n'));
    for (const [index, pattern] of expected.entries()) t.regex(problems[index] ?? '', pattern);
    for (const problem of problems) t.notRegex(problem, /\n|\.$/);
  });
}

test('aliases that unfold without end are refused', (t) => {
  const levels = Array.from(
    { length: 12 },
    (_, level) =>
      `l${level}: &l${level} [${Array(9)
        .fill(level === 0 ? 'x' : `*l${level - 1}`)
        .join(',')}]`,
  );
  t.is(problemsOf(`${levels.join('\n')}\n`).length, 1);
});

test('the nearest name', (t) => {
  const names = ['bwlimit', 'maxTime', 'maxAge', 'src'];
  t.is(nearest('bw-limit', names), 'bwlimit');
  t.is(nearest('MAXTIM', names), 'maxTime');
  t.is(nearest('scr', names), null);
  t.is(nearest('srcs', names), 'src');
  t.is(nearest('x'.repeat(1e5), names), null);
});

test('a key under its old name is its new one, and a pair overrides the defaults by either', (t) => {
  const inUse = 'src: /x, dst: /y, online: true';
  const { pairs, deprecations } = pairsOf(`
defaults: { lagTolerance: 9s }
pairs:
  a: { ${inUse}, settle: 2s }
  b: { ${inUse.replace('/y', '/z')} }
`);
  t.deepEqual(
    pairs.map(({ online }) => online?.lagToleranceMs),
    [2000, 9000],
  );
  t.deepEqual(
    deprecations.map(({ line }) => line),
    [4],
  );
  t.true(problemsOf('pairs: { a: { src: /x, dst: /y, setle: 1s } }')[0]?.includes('setle'));
});
