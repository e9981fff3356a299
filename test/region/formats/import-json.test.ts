/** fastsync's own format read back: without loss, in any layout, and safe with any input. */

import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { FastsyncError } from '../../../src/errors.js';
import { formats, importJson } from '../../../src/region/formats/index.js';
import { anyMap, cut, mapOf } from '../../support/any-map.js';
import { seededRandom } from '../../support/random.js';

function written(map: UsedMap, path = '/dev/sda1'): string {
  return [...formats.json(map, { path, bytes: map.deviceBytes })].join('');
}

const small = mapOf(10_000, [['free', 1024, 2048]], 'label');

async function rejection(t: ExecutionContext, chunks: Iterable<string>): Promise<FastsyncError> {
  const error = await t.throwsAsync(importJson(chunks, 'a.map'), { instanceOf: FastsyncError });
  t.is(error.code, 'MAP_FILE_INVALID');
  return error;
}

test('a map comes back as it went, wherever the text is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      anyMap,
      fc.string({ unit: 'binary' }),
      fc.array(fc.nat(200)),
      async (map, path, lengths) => {
        const back = await importJson(cut(written(map, path), lengths), 'a.map');
        t.deepEqual(back.device, { path, bytes: map.deviceBytes });
        t.deepEqual(back.filesystem, { type: 'ext4', uuid: map.filesystem.uuid });
        t.deepEqual([...back.ranges], [...map.ranges]);
      },
    ),
  );
});

test('a map laid out anew by another program is the same map', async (t) => {
  const label = '"ranges":[{"start":0,"length":1}],';
  const text = written(mapOf(10_000, [['free', 1024, 2048]], label), label);
  for (const options of [['--indent', '4'], ['--compact', '--sort-keys'], ['--tab']]) {
    const { stdout } = await execa('python3', ['-m', 'json.tool', ...options], { input: text });
    t.not(stdout, text);
    const back = await importJson([stdout], 'a.map');
    t.deepEqual([...back.ranges], [...small.ranges]);
    t.is(back.device.path, label);
  }
});

// Line 1 is the head; the ranges are in lines 2 to 4; the list ends in line 5.
const damages: readonly [from: string | RegExp, to: string, message: RegExp][] = [
  ['fastsync-map/1', 'fastsync-map/9', /^a\.map: .*schema/],
  ['"start":1024', '"start":1023', /line 3: expected a range that starts at byte 1024/],
  ['"start":3072', '"start":4096', /line 4: expected a range that starts at byte 3072/],
  ['"length":2048', '"length":-2048', /line 3: the length/],
  ['"length":2048', '"length":0', /line 3: the length/],
  ['"length":2048', '"length":0.5', /line 3: the length/],
  ['"length":2048', '"length":9007199254740992', /line 3: the length/],
  ['"length":2048', '"length":"2048"', /line 3: the length/],
  ['"reason":"free"', '"reason":"toString"', /line 3: the reason/],
  ['"used":false', '"used":true', /line 3: "used" and "reason"/],
  ['"length":6928,', '', /line 4: the length/],
  ['"length":6928', '"length":6927', /^a\.map: the ranges end at byte 9999 of a device of 10000/],
  ['"bytes":10000', '"bytes":1e300', /^a\.map: the device/],
  ['"freeBytes":2048', '"freeBytes":2047', /^a\.map: the sums/],
  [/\},\n/, '}\n', /line 3: "\{" is out of place/],
  [/\},\n/, '},,\n', /line 2: "," is out of place/],
  [/\}\n\]/, '},\n]', /line 5: "\]" is out of place/],
  ['{"start":1024', '[{"start":1024', /line 3: what follows here is no range/],
  ['"used":false', 'used:false', /line 3: this is no JSON/],
  ['"used":false', '"used":{}', /line 3: what follows here is no range/],
  [']}\n', ']\n', /line 5: this is no JSON/],
  [']}\n', '],"ranges":[1]}\n', /^a\.map: the file has no list of ranges/],
  [/"ranges".*/s, '"other":1}', /^a\.map: the file has no list of ranges/],
  ['"device"', '"other"', /^a\.map: the device/],
  ['"type":"ext4"', '"type":4', /^a\.map: the file system/],
  [/.*/s, '', /line 1: this is no JSON/],
  [/.*/s, 'null', /^a\.map: .*schema/],
  [/.*/s, '\n\n{"a":\n}', /line 4: this is no JSON/],
  [/.*/s, '['.repeat(2 ** 22), /line 1: this is no JSON/],
  [/.*/s, '{"ranges":['.repeat(2 ** 16), /line 1: what follows here is no range/],
];

for (const [index, [from, to, message]] of damages.entries()) {
  test(`what is wrong is named with its line: ${index + 1}, ${message}`, async (t) => {
    const text = written(small);
    const damaged = text.replace(from, () => to);
    t.not(damaged, text);
    t.regex((await rejection(t, [damaged])).message, message);
  });
}

test('a file cut off anywhere is refused', async (t) => {
  const text = written(small).trimEnd();
  for (let length = 0; length < text.length; length++) {
    await rejection(t, [text.slice(0, length)]);
  }
});

test('a file without an end costs no more memory than a limit', async (t) => {
  function* endless(head: string, repeated: string) {
    yield head;
    for (;;) yield repeated;
  }
  const text = written(small);
  const upToRanges = text.slice(0, text.indexOf('[\n') + 1);
  const filler = ' '.repeat(65_536);
  t.regex((await rejection(t, endless('', filler))).message, /too large/);
  t.regex((await rejection(t, endless(upToRanges, filler))).message, /no range/);
  t.regex((await rejection(t, endless(`${upToRanges}{`, filler))).message, /no range/);
  t.regex((await rejection(t, endless(text, filler))).message, /too large/);
});

test('mutants are refused, or are maps of the whole device', async (t) => {
  const random = seededRandom(t, 20);
  const text = written(
    mapOf(1_000_000, [
      ['free', 1000, 5000],
      ['data', 9000, 70],
      ['free', 20_000, 900_000],
    ]),
  );
  let refused = 0;
  for (let count = 0; count < 3000; count++) {
    const at = random.between(0, text.length);
    const removed = random.between(0, 3);
    const added = random.pick([
      '',
      '0',
      '9',
      '-',
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      '\n',
      'free',
      'e5',
    ]);
    const mutant = text.slice(0, at) + added + text.slice(at + removed);
    try {
      const { device, ranges } = await importJson(cut(mutant, [random.between(0, 600)]), 'a.map');
      const last = ranges.at(ranges.length - 1);
      t.is(last.start + last.length, device.bytes);
    } catch (error) {
      if (!(error instanceof FastsyncError)) throw error;
      t.is(error.code, 'MAP_FILE_INVALID');
      refused++;
    }
  }
  t.true(refused > 1000, `only ${refused} refused`);
});
