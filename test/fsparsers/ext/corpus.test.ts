/** Maps of other projects' images: exact where the images are sound, never too small where they are not. */

import test from 'ava';
import { execa } from 'execa';
import { extParser } from '../../../fsparsers/ext/index.js';
import { ParseError } from '../../../fsparsers/errors.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import { readFile } from 'node:fs/promises';
import { canonical, clip, subtract, usedExtents } from '../../../src/region/index.js';
import { corpusImages } from '../../support/corpus.js';
import type { CorpusImage } from '../../support/corpus.js';
import { parseImage, sameExtents } from './parsing.js';

const isExt = ({ fs }: CorpusImage) => /^ext|^jbd$/.test(fs);

/** Sound as to what they hold, but with something wrong on which the map must not rely. */
const soundButDoubtful: Readonly<Record<string, string>> = {
  'f_bad_gdt_csum.img': 'DESCRIPTOR_CHECKSUM',
  'f_extent_too_deep.img': 'CROSS_CHECK_PARTIAL',
};

test('clean images: exactly the ranges that independent tools agreed on', async (t) => {
  for (const image of await corpusImages(t, (one) => isExt(one) && one.status === 'clean')) {
    if (image.name in soundButDoubtful) continue;
    const map = await parseImage(image.path);
    const used = clip(usedExtents(map.ranges), 0, map.filesystem.sizeBytes);
    sameExtents(t, used, await oracle(image), image.name);
    t.deepEqual(map.notes, [], image.name);
    t.is(map.filesystem.state, 'clean', image.name);
  }
});

test('images that are not clean: a typed error, or no less than what tools found used', async (t) => {
  const images = await corpusImages(
    t,
    (one) => isExt(one) && (one.status !== 'clean' || one.name in soundButDoubtful),
  );
  for (const image of images) {
    try {
      const map = await parseImage(image.path);
      const bad = await listedAsBad(image, map.filesystem.blockBytes);
      const missing = subtract(subtract(await oracle(image), usedExtents(map.ranges)), bad);
      sameExtents(t, missing, new Float64Array(), image.name);
      const code = soundButDoubtful[image.name];
      const codes = map.notes.map((note) => note.code);
      if (code !== undefined) t.true(codes.includes(code), `${image.name}: ${codes.join(', ')}`);
    } catch (error) {
      t.true(error instanceof ParseError, `${image.name}: ${String(error)}`);
    }
  }
});

/** Blocks that the file system itself lists as bad, by dumpe2fs: they are in use, and left out. */
async function listedAsBad({ path }: CorpusImage, blockBytes: number): Promise<Float64Array> {
  const { stdout } = await execa('dumpe2fs', ['-b', path], { reject: false });
  const blocks = stdout.split('\n').filter((line) => /^\d+$/.test(line));
  return canonical(
    Float64Array.from(blocks.flatMap((block) => [Number(block) * blockBytes, blockBytes])),
  );
}

test('journal devices are recognised, and are no file systems', async (t) => {
  for (const { name, path } of await corpusImages(t, ({ fs }) => fs === 'jbd')) {
    const error = await t.throwsAsync(parseImage(path), { instanceOf: ParseError }, name);
    t.regex(error.message, /journal device|checksum/, name);
  }
});

test('type, UUID and label are those blkid tells', async (t) => {
  const images = await corpusImages(t, isExt);
  let compared = 0;
  for (const image of images) {
    const { stdout } = await execa('blkid', ['-p', '-o', 'export', image.path], { reject: false });
    const said = new Map(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
    const map = await parseImage(image.path).catch((error: unknown) => {
      if (error instanceof ParseError) return null;
      throw error;
    });
    if (map === null) continue;
    compared++;
    t.is(map.filesystem.type, said.get('TYPE') ?? '', image.name);
    t.is(map.filesystem.uuid, said.get('UUID') ?? null, image.name);
    t.is(map.filesystem.label, said.get('LABEL') ?? null, image.name);
  }
  t.true(compared >= images.length * 0.9);
});

test('nothing else is taken for one', async (t) => {
  const others = /^(xfs|ntfs|vfat|cramfs|jfs|minix|ocfs2|reiserfs|reiser4|romfs|swap|udf|iso9660)$/;
  for (const { name, path } of await corpusImages(t, ({ fs }) => others.test(fs))) {
    const head = new BufferReader((await readFile(path)).subarray(0, 65536));
    t.is(await extParser.probe(head), null, name);
  }
});

async function oracle(image: CorpusImage): Promise<Float64Array> {
  const ranges = (await image.usedRanges()) ?? [];
  return canonical(Float64Array.from(ranges.flatMap(({ start, length }) => [start, length])));
}
