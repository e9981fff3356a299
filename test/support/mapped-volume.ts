/** Real volumes with their maps, and two files by which any copying tool shows what it takes as used. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { extParser } from '../../fsparsers/ext/index.js';
import type { UsedMap } from '../../fsparsers/usedmap.js';
import { ExtentBuilder, type ExtentList } from '../../fsparsers/extents.js';
import { formats, type FormatName } from '../../src/region/formats/index.js';
import { usedExtents } from '../../src/region/frommap.js';
import { openVolume } from '../../src/volume/index.js';
import { fillWithGarbage } from './garbage.js';
import { scratchDirectory, sparseFile } from './scratch.js';

export interface MappedVolume {
  readonly directory: string;
  readonly image: string;
  readonly map: UsedMap;
  readonly bytes: number;
  readonly used: ExtentList;
}

/**
 * An ext4 file system with a hundred gaps. It is filled without mounting it: after an unmount it could
 * still be mounted, and its log not empty, in the mount namespace of some other process.
 */
export async function mappedVolume(
  t: ExecutionContext,
  { sizeBytes = 32 * 1024 * 1024, mkfs = [] as readonly string[] } = {},
): Promise<MappedVolume> {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'volume.img'), sizeBytes);
  const names = Array.from({ length: 200 }, (_, index) => `file${index}`);
  const tree = path.join(directory, 'tree');
  await mkdir(tree);
  for (const name of names) await writeFile(path.join(tree, name), Buffer.alloc(20_000, name));
  await execa('mkfs.ext4', ['-q', '-F', ...mkfs, '-d', tree, image]);
  const removals = names.filter((_, index) => index % 2 === 1).map((name) => `rm ${name}\n`);
  await execa('debugfs', ['-w', '-f', '-', image], { input: removals.join('') });

  await using volume = await openVolume(image);
  const map = await extParser.parse(volume.reader);
  const used = usedExtents(map.ranges);
  // A volume in one piece would prove nothing.
  t.true(used.length / 2 > 90, `the volume has only ${used.length / 2} used ranges`);
  return { directory, image, map, bytes: sizeBytes, used };
}

/** Writes the map to a file, as `fastsync map --format` would. */
export async function writeFormat(volume: MappedVolume, format: FormatName): Promise<string> {
  const file = path.join(volume.directory, `map.${format}`);
  const device = { path: volume.image, bytes: volume.bytes };
  await writeFile(file, formats[format](volume.map, device));
  return file;
}

const sourceByte = 0xaa;
const targetByte = 0x55;

/** A source and a target, each of one byte repeated: see copiedExtents. */
export async function markedPair(
  volume: MappedVolume,
): Promise<{ readonly source: string; readonly target: string }> {
  const source = path.join(volume.directory, 'marked-source');
  const target = path.join(volume.directory, 'marked-target');
  await writeFile(source, Buffer.alloc(volume.bytes, sourceByte));
  await writeFile(target, Buffer.alloc(volume.bytes, targetByte));
  return { source, target };
}

/** The bytes of a marked target that came from the marked source. */
export async function copiedExtents(target: string): Promise<ExtentList> {
  const bytes = await readFile(target);
  const copied = new ExtentBuilder();
  let start = bytes.indexOf(sourceByte);
  while (start !== -1) {
    let end = start;
    while (bytes[end] === sourceByte) end++;
    copied.add(start, end);
    start = bytes.indexOf(sourceByte, end);
  }
  return copied.finish();
}

/** A target of the volume's size, full of garbage: what was there before a copy. */
export async function garbageTarget(volume: MappedVolume, name: string): Promise<string> {
  const target = await sparseFile(path.join(volume.directory, name), volume.bytes);
  await fillWithGarbage(target, volume.bytes);
  return target;
}

/** The parts of both files that `extents` name are the same. */
export async function sameWithin(
  left: string,
  right: string,
  extents: ExtentList,
): Promise<boolean> {
  await using first = await openVolume(left);
  await using second = await openVolume(right);
  for (let index = 0; index < extents.length; index += 2) {
    const start = extents[index] as number;
    const length = extents[index + 1] as number;
    const [a, b] = await Promise.all([
      first.reader.read(start, length),
      second.reader.read(start, length),
    ]);
    if (!Buffer.from(a).equals(b)) return false;
  }
  return true;
}
