/** Every format streams: maps have millions of ranges. */

import test from 'ava';
import { MapBuilder } from '../../../fsparsers/mapbuilder.js';
import { formats } from '../../../src/region/formats/index.js';
import { mapOf } from '../../support/any-map.js';

const deviceBytes = 2 ** 40;

test('pieces stay of moderate size on a map of many ranges', (t) => {
  const builder = new MapBuilder(deviceBytes);
  builder.mark('free', 0, deviceBytes);
  for (let index = 0; index < 50_000; index++) builder.mark('data', index * 1_048_576, 4096);
  const map = { ...mapOf(deviceBytes, []), ranges: builder.build() };
  for (const [name, format] of Object.entries(formats)) {
    const lengths = [...format(map, { path: '/dev/sda1', bytes: deviceBytes })].map(
      (piece) => piece.length,
    );
    t.true(Math.max(...lengths) < 128 * 1024, name);
    // Neither is each line a piece of its own.
    t.true(lengths.length > 3 && lengths.length < 500, name);
  }
});
