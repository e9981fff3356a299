/** fastsync's own format. */

import { readFile } from 'node:fs/promises';
import test from 'ava';
import { execa } from 'execa';
import fc from 'fast-check';
import { MapBuilder } from '../../../fsparsers/mapbuilder.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { canonical } from '../../../fsparsers/extents.js';
import { formats } from '../../../src/region/formats/index.js';
import { anyMap } from '../../support/any-map.js';
import { mappedVolume, writeFormat } from '../../support/mapped-volume.js';

interface JsonRange {
  readonly start: number;
  readonly length: number;
  readonly used: boolean;
  readonly reason: string;
}

interface JsonMap {
  readonly schema: string;
  readonly device: { readonly path: string; readonly bytes: number };
  readonly filesystem: Record<string, unknown>;
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly ranges: readonly JsonRange[];
}

test('the map of a volume, whole and in order, with what blkid says of it', async (t) => {
  const volume = await mappedVolume(t, { mkfs: ['-L', 'some "label"'] });
  const map = JSON.parse(await readFile(await writeFormat(volume, 'json'), 'utf8')) as JsonMap;
  t.deepEqual(Object.keys(map), [
    ...['schema', 'device', 'filesystem', 'usedBytes', 'freeBytes', 'notes', 'crossCheck'],
    ...['hazards', 'ranges'],
  ]);
  t.is(map.schema, 'fastsync-map/1');
  t.deepEqual(map.device, { path: volume.image, bytes: volume.bytes });

  const blkid = async (tag: string) =>
    (await execa('blkid', ['-o', 'value', '-s', tag, volume.image])).stdout;
  t.like(map.filesystem, {
    type: await blkid('TYPE'),
    uuid: await blkid('UUID'),
    label: await blkid('LABEL'),
    blockBytes: Number(await blkid('BLOCK_SIZE')),
    state: 'clean',
  });

  let position = 0;
  for (const { start, length, used, reason } of map.ranges) {
    t.is(start, position);
    t.is(used, reason !== 'free');
    position += length;
  }
  t.is(position, volume.bytes);
  const used = map.ranges.filter((range) => range.used);
  t.deepEqual(
    canonical(Float64Array.from(used.flatMap(({ start, length }) => [start, length]))),
    volume.used,
  );
  t.is(
    map.usedBytes,
    used.reduce((sum, { length }) => sum + length, 0),
  );
  t.is(map.usedBytes + map.freeBytes, volume.bytes);
});

test('every range of any map, with its reason', (t) => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const device = { path: '/dev/sda1', bytes: map.deviceBytes };
      const { ranges } = JSON.parse([...formats.json(map, device)].join('')) as JsonMap;
      const expected = [...map.ranges].map(({ start, length, reason }) => {
        return { start, length, used: reason !== 'free' && reason !== 'bad', reason };
      });
      t.deepEqual(ranges, expected);
    }),
  );
});

test('whatever a path, a label or a note holds, it is valid JSON', (t) => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, text, (path, label, message) => {
      const map: UsedMap = {
        deviceBytes: 0,
        filesystem: {
          ...{ type: 'ext4', uuid: null, label, blockBytes: 4096, sizeBytes: 0, features: [] },
          ...{ state: 'clean', journal: { state: 'none', detail: '' }, geometry: {} },
        },
        notes: [{ severity: 'info', code: 'NOTE', message }],
        ranges: new MapBuilder(0).build(),
        locate: () => '',
      };
      const parsed = JSON.parse([...formats.json(map, { path, bytes: 0 })].join('')) as JsonMap;
      t.is(parsed.device.path, path);
      t.is(parsed.filesystem.label, label);
      t.deepEqual(parsed.ranges, []);
    }),
  );
});
