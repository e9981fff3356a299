/**
 * The block map that `bmaptool copy` follows, version 2.0. Format: bmap-tools, the comments in
 * bmaptools/BmapCreate.py (writer) and BmapCopy.py (reader).
 */

import { createHash } from 'node:crypto';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { alignOutward, type ExtentList, totalBytes } from '../../../fsparsers/extents.js';
import { usedExtents } from '../frommap.js';
import { inPieces, type MappedDevice } from './format.js';

const blockBytes = 4096;

/** The checksum covers the file itself, with this placeholder in the checksum's place. */
const noChecksum = '0'.repeat(64);

/**
 * Used ranges rounded outwards to blocks of 4 KiB. The ranges carry no checksums of their own: they
 * are optional, and the volume's contents are not read for a map.
 */
export function bmap(map: UsedMap, device: MappedDevice): Iterable<string> {
  return bmapOfExtents(usedExtents(map.ranges), device);
}

/** The block map of any extents. */
export function* bmapOfExtents(extents: ExtentList, device: MappedDevice): Generator<string> {
  const mapped = alignOutward(extents, blockBytes);
  const hash = createHash('sha256');
  for (const piece of inPieces(texts(mapped, device.bytes, noChecksum))) hash.update(piece);
  yield* inPieces(texts(mapped, device.bytes, hash.digest('hex')));
}

function* texts(mapped: ExtentList, imageBytes: number, checksum: string): Generator<string> {
  yield '<?xml version="1.0" ?>\n<bmap version="2.0">\n';
  yield `    <ImageSize> ${imageBytes} </ImageSize>\n`;
  yield `    <BlockSize> ${blockBytes} </BlockSize>\n`;
  yield `    <BlocksCount> ${Math.ceil(imageBytes / blockBytes)} </BlocksCount>\n`;
  yield `    <MappedBlocksCount> ${totalBytes(mapped) / blockBytes} </MappedBlocksCount>\n`;
  yield '    <ChecksumType> sha256 </ChecksumType>\n';
  yield `    <BmapFileChecksum> ${checksum} </BmapFileChecksum>\n`;
  yield '    <BlockMap>\n';
  for (let index = 0; index < mapped.length; index += 2) {
    const first = (mapped[index] as number) / blockBytes;
    const last = first + (mapped[index + 1] as number) / blockBytes - 1;
    yield `        <Range> ${first === last ? first : `${first}-${last}`} </Range>\n`;
  }
  yield '    </BlockMap>\n</bmap>\n';
}
