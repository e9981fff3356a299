/** CRC-32 and CRC-32C against zlib's and published check values. */

import { crc32 as zlibCrc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { crc32, crc32c } from '../../fsparsers/checksum.js';

test('crc32 is that of zlib', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      t.is(crc32(bytes), zlibCrc32(bytes));
    }),
  );
});

test('crc32c gives the check value of RFC 3720', (t) => {
  t.is(~crc32c(0xffffffff, Buffer.from('123456789')) >>> 0, 0xe3069283);
});
