/** The formats as text: valid whatever the map, streamed, and readable again without loss. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { MapBuilder, type Reason, type UsedMap } from '../../../fsparsers/index.js';
import { FastsyncError } from '../../../src/errors.js';
import {
  importDdrescue,
  importJson,
  formats,
  freeExtents,
  usedExtents,
} from '../../../src/region/index.js';
import { scratchDirectory } from '../../support/scratch.js';

function mapOf(
  deviceBytes: number,
  marks: readonly (readonly [Reason, number, number])[],
): UsedMap {
  const builder = new MapBuilder(deviceBytes);
  for (const [reason, start, length] of marks) builder.mark(reason, start, length);
  return {
    deviceBytes,
    filesystem: {
      type: 'ext4',
      uuid: '8ff8e77f-8553-485e-8656-58be67a81666',
      label: null,
      blockBytes: 1024,
      sizeBytes: deviceBytes,
      features: ['extents'],
      state: 'clean',
      journal: { state: 'clean', detail: 'empty' },
      geometry: { groups: 1 },
    },
    notes: [],
    ranges: builder.build(),
    locate: () => 'data',
  };
}

const reason = fc.constantFrom<Reason>('free', 'unknown', 'data', 'outside', 'journal', 'metadata');
const anyMap = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 45 }), fc.array(fc.tuple(reason, fc.nat(), fc.nat())))
  .map(([deviceBytes, marks]) => mapOf(deviceBytes, marks));

function device(map: UsedMap, path = '/dev/sda1') {
  return { path, bytes: map.deviceBytes };
}

const text = (pieces: Iterable<string>) => [...pieces].join('');

test('json comes back as it went', (t) => {
  fc.assert(
    fc.property(anyMap, fc.string(), (map, path) => {
      const back = importJson(text(formats.json(map, device(map, path))));
      t.deepEqual(back.device, { path, bytes: map.deviceBytes });
      t.like(back.filesystem, { type: 'ext4', uuid: map.filesystem.uuid });
      t.deepEqual([...back.ranges], [...map.ranges]);
    }),
  );
});

test('json has the documented fields, and sums that agree', (t) => {
  const map = mapOf(10_000, [
    ['free', 0, 10_000],
    ['metadata', 0, 1024],
    ['data', 4096, 1000],
  ]);
  const parsed = JSON.parse(text(formats.json(map, device(map)))) as Record<string, unknown>;
  t.like(parsed, {
    schema: 'fastsync-map/1',
    device: { path: '/dev/sda1', bytes: 10_000 },
    filesystem: { type: 'ext4', blockBytes: 1024, features: ['extents'], state: 'clean' },
    usedBytes: 2024,
    freeBytes: 7976,
  });
  t.deepEqual(parsed.ranges, [
    { start: 0, length: 1024, used: true, reason: 'metadata' },
    { start: 1024, length: 3072, used: false, reason: 'free' },
    { start: 4096, length: 1000, used: true, reason: 'data' },
    { start: 5096, length: 4904, used: false, reason: 'free' },
  ]);
});

test('a ddrescue mapfile comes back as used and free', (t) => {
  fc.assert(
    fc.property(anyMap, fc.string(), (map, path) => {
      const back = importDdrescue(text(formats.ddrescue(map, device(map, path))));
      t.deepEqual(back.finished, usedExtents(map.ranges));
      t.deepEqual(back.nonTried, freeExtents(map.ranges));
      t.is(back.badSectors.length, 0);
    }),
  );
});

test("ddrescue's own mapfile is read, bad sectors and all", async (t) => {
  const lines = ['0x0 F 1', '0 0x200 +', '512 01000 -', '0x400 0x200 /', '0x600 512 *', '2048 5 ?'];
  const file = path.join(await scratchDirectory(t), 'mapfile');
  await writeFile(file, `# a comment\n${lines.join('\n')}  # and another\n`);
  const { stdout } = await execa('ddrescuelog', ['--shift', '-i0', '-o1024', file]);
  const map = importDdrescue(stdout);
  t.deepEqual([...map.finished], [1024, 512]);
  t.deepEqual([...map.badSectors], [1536, 512]);
  t.deepEqual([...map.nonScraped], [2048, 512]);
  t.deepEqual([...map.nonTrimmed], [2560, 512]);
  // Shifting makes the bytes before the first block non-tried.
  t.deepEqual([...map.nonTried].slice(-2), [3072, 5]);
});

test('what is no map file is refused, naming where', (t) => {
  const map = mapOf(10_000, [['free', 1024, 2048]]);
  const good = text(formats.json(map, device(map)));
  const badJson = [
    '',
    'null',
    '[]',
    good.slice(0, -5),
    good.replace('fastsync-map/1', 'fastsync-map/9'),
    good.replace('"start":1024', '"start":1023'),
    good.replace('"length":2048', '"length":-2048'),
    good.replace('"reason":"free"', '"reason":"nonsense"'),
    good.replace('"used":false', '"used":true'),
    good.replace('"bytes":10000', '"bytes":1e300'),
    good.replace('"bytes":10000', '"bytes":10001'),
  ];
  const badDdrescue = ['', '# only a comment', '0x0 ? 1\n0 10 x', '0 ? 1\n0 10 +\n11 5 +', '1 2 +'];
  for (const [read, list] of [
    [importJson, badJson],
    [importDdrescue, badDdrescue],
  ] as const) {
    for (const input of list) {
      const error = t.throws(() => read(input), { instanceOf: FastsyncError }, input);
      t.is(error.code, 'MAP_FILE_INVALID');
    }
  }
});

test('every format streams: pieces stay small on a map of many ranges', (t) => {
  const builder = new MapBuilder(2 ** 40);
  builder.mark('free', 0, 2 ** 40);
  for (let index = 0; index < 50_000; index++) builder.mark('data', index * 1_048_576, 4096);
  const map = { ...mapOf(2 ** 40, []), ranges: builder.build() };
  for (const [name, format] of Object.entries(formats)) {
    let pieces = 0;
    for (const piece of format(map, device(map))) {
      pieces++;
      t.true(piece.length < 128 * 1024, name);
    }
    t.true(pieces > 3, name);
  }
});
