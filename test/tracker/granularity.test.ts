/** How many bytes one mark stands for: as announced, whatever the size of the volume. */

import test from 'ava';
import { fineGranularity } from '../../src/tracker/index.js';

const tebibyte = 2 ** 40;

for (const [size, sizeBytes, kibibytes] of [
  ['1 MiB', 2 ** 20, 4],
  ['1 TiB', tebibyte, 4],
  ['1 TiB and a block', tebibyte + 4096, 8],
  ['8 TiB', 8 * tebibyte, 32],
  ['16 TiB', 16 * tebibyte, 64],
  ['64 TiB', 64 * tebibyte, 64],
] as const) {
  test(`the marks of ${size} are fine, and few enough to be scanned while writers wait`, (t) => {
    t.is(fineGranularity(sizeBytes), kibibytes * 1024);
  });
}
