/** Mapfiles read back, ours and ddrescue's own; ddrescuelog says what is in them. */

import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { FastsyncError } from '../../../src/errors.js';
import { canonical, extentOf, subtract, union } from '../../../src/region/extents.js';
import { ddrescueMap, formats, importDdrescue } from '../../../src/region/formats/index.js';
import { badExtents, freeExtents, usedExtents } from '../../../src/region/frommap.js';
import { anyMap, cut } from '../../support/any-map.js';
import { type Random, seededRandom } from '../../support/random.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';

async function rejection(t: ExecutionContext, chunks: Iterable<string>): Promise<FastsyncError> {
  const error = await t.throwsAsync(importDdrescue(chunks, 'a.map'), { instanceOf: FastsyncError });
  t.is(error.code, 'MAP_FILE_INVALID');
  return error;
}

test('a domain mapfile comes back as used and free, wherever the text is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyMap, fc.string(), fc.array(fc.nat(99)), async (map, name, lengths) => {
      const text = [...formats.ddrescue(map, { path: name, bytes: map.deviceBytes })].join('');
      const back = await importDdrescue(cut(text, lengths), 'a.map');
      t.deepEqual(back.finished, usedExtents(map.ranges));
      // What the file system lists as bad is to be left alone too.
      t.deepEqual(back.nonTried, union(freeExtents(map.ranges), badExtents(map.ranges)));
      t.is(back.badSectors.length, 0);
    }),
  );
});

test('a rescue mapfile comes back as bad and finished, in whatever order they were met', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(900), fc.nat(99))), async (pairs) => {
      const badRanges = Float64Array.from(pairs.flat());
      const back = await importDdrescue(ddrescueMap(badRanges, 1000), 'a.map');
      const bad = canonical(badRanges);
      t.deepEqual(back.badSectors, bad);
      t.deepEqual(back.finished, subtract(extentOf(0, 1000), bad));
    }),
  );
});

test("ddrescue's own mapfile of a run is read", async (t) => {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source'), 1024 * 1024);
  const mapfile = path.join(directory, 'mapfile');
  const range = ['--input-position=64Ki', '--size=128Ki'];
  await execa('ddrescue', [...range, source, path.join(directory, 'target'), mapfile]);
  const map = await importDdrescue(createReadStream(mapfile, 'utf8'), mapfile);
  t.deepEqual(map.finished, Float64Array.of(65_536, 131_072));
  t.deepEqual(map.nonTried, Float64Array.of(0, 65_536, 196_608, 851_968));
});

test('a mapfile without an end, as ddrescuelog makes it, reaches to the last byte there can be', async (t) => {
  const mapfile = path.join(await scratchDirectory(t), 'mapfile');
  await execa('ddrescuelog', ['--create-mapfile', '-b', '512', mapfile], { input: '5\n6\n' });
  t.regex(await readFile(mapfile, 'utf8'), /0x7FFFFFFF/);
  const map = await importDdrescue(createReadStream(mapfile, 'utf8'), mapfile);
  t.deepEqual(map.finished, Float64Array.of(2560, 1024));
  const { MAX_SAFE_INTEGER } = Number;
  t.deepEqual(map.badSectors, Float64Array.of(0, 2560, 3584, MAX_SAFE_INTEGER - 3584));
});

test('comments, and numbers in hexadecimal, octal and decimal', async (t) => {
  const text = `# a comment\n\n0x0 F 1\n 0 0x200 +\t# and\n512 01000 -\n0X400 512 /\r\n
    0x600 0x200 *\n2048 5 ?`;
  t.deepEqual(await importDdrescue([text], 'a.map'), {
    finished: Float64Array.of(0, 512),
    badSectors: Float64Array.of(512, 512),
    nonScraped: Float64Array.of(1024, 512),
    nonTrimmed: Float64Array.of(1536, 512),
    nonTried: Float64Array.of(2048, 5),
  });
});

const damaged: readonly [text: string, message: RegExp][] = [
  ['', /line 1: .*without a status line/],
  ['# only\n# comments\n', /line 2: .*without a status line/],
  ['\n1 2 +', /line 2: "1 2 \+" is no status line/],
  ['0 ? 1\n0 10 x', /line 2: "0 10 x" is no block/],
  ['0 ? 1\n\n0 10 +\n11 5 +', /line 4: "11 5 \+" does not begin where/],
  ['0 ? 1\n0 10 +\n9 5 +', /line 3: .* does not begin where/],
  ['0 ? 1\n0 -10 +', /line 2: .* is no block/],
  ['0 ? 1\n0 1e3 +', /line 2: .* is no block/],
  ['0 ? 1\n0 089 +', /line 2: .* is no block/],
  ['0 ? 1\n0 10 +\n10 0 ?', /line 3: the block has no length/],
  ['0 ? 1\n0 0x7FFFFFFFFFFFFFFE +', /line 2: .* behind the end/],
  [`0 ? 1\n0 0x${'F'.repeat(60_000)} +`, /line 2: .* behind the end/],
  [`0 ? 1\n0 10 +${' '.repeat(70_000)}`, /line 2: the line is too long/],
  ['0 ? 1\n0 10 \u001b[31m+', /line 2: "0 10 \\u001b\[31m\+" is no block/],
];

for (const [index, [text, message]] of damaged.entries()) {
  test(`what is wrong is named with its line: ${index + 1}, ${message}`, async (t) => {
    const error = await rejection(t, [text]);
    t.regex(error.message, message);
    t.true(error.message.length < 200);
  });
}

test('a line without an end costs no more memory than a limit', async (t) => {
  function* endless() {
    for (;;) yield '#'.repeat(4096);
  }
  t.regex((await rejection(t, endless())).message, /line 1: the line is too long/);
});

/** A mapfile of blocks of 512 bytes, one edit away from valid. */
function mutant(random: Random): string {
  let text = '# head\n0x0 ? 1\n';
  for (let block = 0; block < 8; block++) {
    text += `0x${(block * 512).toString(16)}  0x200  ${random.pick(['?', '*', '/', '-', '+'])}\n`;
  }
  const at = random.between(0, text.length);
  const added = random.pick(['', '', '0', '1', 'x', '+', '?', ' ', '\n', '#', '-', '\t', 'F', '9']);
  return text.slice(0, at) + added + text.slice(at + random.between(0, 3));
}

test('what is accepted of a damaged mapfile is what ddrescuelog finds in it', async (t) => {
  const random = seededRandom(t, 21);
  const mapfile = path.join(await scratchDirectory(t), 'mapfile');
  let accepted = 0;
  for (let count = 0; count < 250; count++) {
    const text = mutant(random);
    const map = await importDdrescue([text], mapfile).catch((error: unknown) => {
      t.is((error as FastsyncError).code, 'MAP_FILE_INVALID', text);
      return null;
    });
    if (map === null) continue;
    accepted++;
    await writeFile(mapfile, text);
    const { stdout } = await execa('ddrescuelog', ['-b', '1', '--list-blocks=+', mapfile]);
    const listed = stdout.split('\n').filter((line) => line !== '');
    t.deepEqual(
      canonical(Float64Array.from(listed.flatMap((line) => [Number(line), 1]))),
      map.finished,
      text,
    );
  }
  t.true(accepted > 20 && accepted < 250, `${accepted} accepted`);
});
