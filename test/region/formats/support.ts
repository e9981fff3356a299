/** A real volume to map, on a ground of garbage, so that copying too little or too much shows. */

import { createWriteStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { mapVolume, type UsedMap } from '../../../fsparsers/index.js';
import {
  eachExtent,
  mapFormats,
  usedExtents,
  type MapFormatName,
} from '../../../src/region/index.js';
import { openVolume } from '../../../src/volume/index.js';
import { randomFrom } from '../../support/random.js';
import { scratchDirectory } from '../../support/scratch.js';

export interface MappedVolume {
  readonly directory: string;
  readonly file: string;
  readonly map: UsedMap;
}

/** An ext4 volume of small blocks and an odd size, with files in it. */
export async function mappedVolume(t: ExecutionContext): Promise<MappedVolume> {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'source');
  const sizeBytes = 12 * 1024 * 1024 + 1536;
  await writeFile(file, Buffer.alloc(sizeBytes, 0xa5));
  const tree = path.join(directory, 'content');
  await writeFile(tree, randomFrom(3).bytes(300_000));
  await execa('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-E', 'nodiscard', file]);
  await execa('debugfs', ['-w', '-R', `write ${tree} content`, file]);
  await using volume = await openVolume(file);
  return { directory, file, map: await mapVolume(volume.reader) };
}

/** Writes the map in a format, as the command would: streamed to a file. */
export async function exportMap(
  { directory, file, map }: MappedVolume,
  format: MapFormatName,
): Promise<string> {
  const target = path.join(directory, `map.${format}`);
  const device = { path: file, bytes: map.deviceBytes };
  await pipeline(Readable.from(mapFormats[format](map, device)), createWriteStream(target));
  return target;
}

/** True if the copy holds every used byte of the volume. */
export async function holdsUsed({ file, map }: MappedVolume, copy: string): Promise<boolean> {
  const source = await readFile(file);
  const handle = await open(copy);
  try {
    for (const { start, length } of eachExtent(usedExtents(map.ranges))) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, start);
      if (bytesRead !== length || !buffer.equals(source.subarray(start, start + length)))
        return false;
    }
    return true;
  } finally {
    await handle.close();
  }
}
