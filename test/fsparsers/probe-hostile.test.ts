/** Signatures with anything at all around them: an answer or "not recognised", never a crash. */

import test from 'ava';
import { decide, describeSignature, probe } from '../../fsparsers/probe.js';
import { BufferReader, type ByteReader } from '../../fsparsers/reader.js';
import { ParseError } from '../../fsparsers/errors.js';
import { seededRandom } from '../support/random.js';

const magics: readonly (readonly [at: number, bytes: string])[] = [
  [1080, '\x53\xef'],
  [0, 'XFSB'],
  [3, 'NTFS    '],
  [3, 'EXFAT   '],
  [3, 'ReFS\0\0\0\0'],
  [510, '\x55\xaa'],
  [82, 'FAT32   '],
  [65600, '_BHRfS_M'],
  [1024, '\x10\x20\xf5\xf2'],
  [1030, '\x34\x34'],
  [536, 'LVM2 001'],
  [512, 'LABELONE'],
  [0, 'LUKS\xba\xbe\0\x01'],
  [0, 'LUKS\xba\xbe\0\x02'],
  [4096, '\xfc\x4e\x2b\xa9\x01\0\0\0'],
  [16384, '\x01\x01\0\0'],
  [4086, 'SWAPSPACE2'],
  [512, 'EFI PART'],
  [32769, 'CD001'],
  [32769, 'NSR02'],
  [0, 'hsqs'],
  [1024, '\xe2\xe1\xf5\xe0'],
  [32768, 'JFS1'],
  [65588, 'ReIsEr2Fs'],
  [1040, '\x7f\x13'],
];

/** Counts what is read, so that a hostile length cannot ask for much unnoticed. */
function counted(reader: ByteReader): ByteReader & { readonly bytesRead: () => number } {
  let sum = 0;
  return {
    sizeBytes: reader.sizeBytes,
    bytesRead: () => sum,
    read(offsetBytes, lengthBytes) {
      sum += lengthBytes;
      return reader.read(offsetBytes, lengthBytes);
    },
  };
}

test('magic numbers amid noise end in an answer, within bounded reads', async (t) => {
  const random = seededRandom(t, 20);
  const noise = Array.from({ length: 4 }, () => random.bytes(300_000));
  for (let round = 0; round < 600; round++) {
    const sizeBytes = random.pick([5000, 70_000, 300_000, 299_999]);
    const image = Buffer.from(random.pick(noise).subarray(0, sizeBytes));
    if (random.next() < 0.5) image.fill(random.pick([0, 0xff]));
    for (let count = random.between(1, 4); count > 0; count--) {
      const [at, bytes] = random.pick(magics);
      if (at + bytes.length <= sizeBytes) image.write(bytes, at, 'latin1');
    }
    const reader = counted(new BufferReader(image));
    const signatures = await probe(reader);
    t.true(reader.bytesRead() < 4 * 1024 * 1024);
    for (const signature of signatures) t.true(describeSignature(signature).length > 0);
    try {
      t.is(decide(signatures).doubt, null);
    } catch (error) {
      t.true(error instanceof ParseError);
    }
  }
});
