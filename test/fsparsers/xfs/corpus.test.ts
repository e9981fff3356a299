/** Maps of XFS images that other projects made, against what independent tools agreed on. */

import test from 'ava';
import { ParseError } from '../../../fsparsers/errors.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { corpusImages } from '../../support/corpus.js';
import { bytesIn, freeOf, mapImage, merged, minus } from './support.js';

test('clean images of other projects are mapped to the block', async (t) => {
  const images = await corpusImages(
    t,
    ({ fs, status }) => fs === 'xfs' && status.startsWith('clean'),
  );
  for (const image of images) {
    const map = await mapImage(image.path);
    const oracle = (await image.usedRanges()) ?? [];
    const used = merged(oracle.map(({ start, length }) => ({ start, end: start + length })));
    const whole = [{ start: 0, end: map.filesystem.sizeBytes }];
    t.deepEqual(minus(used, minus(whole, freeOf(map))), [], `${image.name}: used, but free here`);
    // AGFL blocks may be in or out of the oracle.
    const surplus = minus(minus(whole, freeOf(map)), used);
    for (const { start, end } of surplus) {
      for (let at = start; at < end; at += map.filesystem.blockBytes) {
        t.regex(map.locate(at), /AGFL/, `${image.name}: byte ${at} is free for the others`);
      }
    }
    t.true(bytesIn(freeOf(map)) > 0, image.name);
  }
  t.pass();
});

test('damaged images end in a typed error or a map', async (t) => {
  const images = await corpusImages(
    t,
    ({ fs, status }) => fs === 'xfs' && !status.startsWith('clean'),
  );
  for (const image of images) {
    const outcome = await mapImage(image.path).catch((error: unknown) => error);
    const isMap = (value: unknown): value is UsedMap =>
      typeof value === 'object' && value !== null && 'ranges' in value;
    t.true(isMap(outcome) || outcome instanceof ParseError, `${image.name}: ${String(outcome)}`);
  }
  t.pass();
});
