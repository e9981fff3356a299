/**
 * Thousands of damaged images with repaired checksums: each ends in a map or a typed error, after few
 * reads, and no map calls free what the structures prove used.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { ParseError } from '../../../fsparsers/errors.js';
import { extParser } from '../../../fsparsers/ext/index.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { seededRandom } from '../../support/random.js';
import { scratchDirectory } from '../../support/scratch.js';
import { makeImage, recipe } from './images.js';
import { mutantOf, subjectOf } from './mutants.js';
import { provedBlocks } from './plain-reader.js';

const mutantsPerImage = 600;

const images: Readonly<Record<string, { options: string; mebibytes?: number }>> = {
  'ext2, small groups': { options: '-t ext2 -b 1024 -g 512 -N 128' },
  'ext4, metadata_csum, journal': {
    options: '-t ext4 -b 1024 -g 1024 -N 128 -J size=1',
    mebibytes: 5,
  },
  'ext4, uninit_bg': {
    options: '-t ext4 -b 1024 -g 512 -N 128 -O ^metadata_csum,uninit_bg,^has_journal,^64bit',
  },
  'ext4, no flex_bg': {
    options: '-t ext4 -b 1024 -g 512 -N 128 -O ^has_journal,^flex_bg,^resize_inode',
  },
  'ext4, bigalloc': {
    options: '-t ext4 -b 1024 -O bigalloc,^has_journal,^resize_inode -C 4096 -g 512 -N 128',
  },
  'ext4, meta_bg': {
    options: '-t ext4 -b 1024 -g 256 -N 128 -O meta_bg,^resize_inode,^has_journal',
  },
  'ext4, 4 KiB, no checksums': {
    options: '-t ext4 -b 4096 -g 256 -N 64 -O ^metadata_csum,^uninit_bg,^has_journal',
  },
};

for (const [name, { options, mebibytes = 3 }] of Object.entries(images)) {
  test(name, async (t) => {
    const file = path.join(await scratchDirectory(t), 'image');
    await makeImage(file, recipe(mebibytes, options));
    const subject = subjectOf(await readFile(file));
    const random = seededRandom(t, 20_262);
    let maps = 0;
    for (let nth = 0; nth < mutantsPerImage; nth++) {
      const { bytes, story } = mutantOf(subject, random);
      const map = await mapOrError(t, bytes, story);
      if (map === null) continue;
      maps++;
      checkMap(t, map, bytes, story);
    }
    t.log(`${maps} maps, ${mutantsPerImage - maps} errors`);
    // Damage that never passes the first checks would test nothing behind them.
    t.true(maps > mutantsPerImage / 4);
  });
}

test('images cut at every structure', async (t) => {
  const file = path.join(await scratchDirectory(t), 'image');
  await makeImage(file, recipe(3, '-t ext4 -b 1024 -g 512 -N 128 -O ^has_journal'));
  const { bytes, places } = subjectOf(await readFile(file));
  const around = places.flatMap((place) => [place - 1, place, place + 1, place + 1024]);
  for (const cut of [0, 1, 1023, 2047, ...around, bytes.length - 1]) {
    const error = await t.throwsAsync(extParser.parse(new BufferReader(bytes.subarray(0, cut))), {
      instanceOf: ParseError,
    });
    t.is(error.code, 'TRUNCATED');
    t.notThrows(() => extParser.probe(new BufferReader(bytes.subarray(0, cut))));
  }
});

/** Counts what is read: a hostile number must not make the parser read or allocate without bound. */
class CountingReader extends BufferReader {
  reads = 0;
  bytesRead = 0;

  override read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    this.reads++;
    this.bytesRead += lengthBytes;
    return super.read(offsetBytes, lengthBytes);
  }
}

async function mapOrError(
  t: ExecutionContext,
  bytes: Buffer,
  story: string,
): Promise<UsedMap | null> {
  const reader = new CountingReader(bytes);
  try {
    return await extParser.parse(reader);
  } catch (error) {
    if (!(error instanceof ParseError)) t.fail(`${story}: ${String(error)}`);
    return null;
  } finally {
    if (reader.bytesRead > 8 * bytes.length + 65536) {
      t.fail(`${story}: ${reader.bytesRead} bytes read of ${bytes.length}`);
    }
  }
}

function checkMap(t: ExecutionContext, map: UsedMap, bytes: Buffer, story: string): void {
  let end = 0;
  for (const { start, length } of map.ranges) {
    if (start !== end || length <= 0) t.fail(`${story}: range ${start} + ${length} after ${end}`);
    end = start + length;
  }
  if (end !== bytes.length) t.fail(`${story}: the map ends at ${end} of ${bytes.length}`);
  // After a replay the state that counts is another than the one on disk.
  const detector = map.filesystem.journal.state === 'replayed' ? null : provedBlocks(bytes);
  for (const [block, why] of detector?.why ?? []) {
    const offset = block * (detector?.blockBytes ?? 0);
    if (map.ranges.find(offset).reason === 'free') {
      t.fail(`${story}: block ${block} is called free, but: ${why}`);
      break;
    }
  }
  t.is(typeof map.locate(Math.floor(bytes.length / 2)), 'string');
}
