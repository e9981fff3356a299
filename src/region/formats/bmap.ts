/**
 * The block map of bmaptool(1), version 2.0 (bmap-tools, BmapCreate.py): used blocks as inclusive
 * ranges. The file carries the SHA-256 of itself with that field as zeroes, so it is written twice:
 * once into the sum, once out.
 */

import { createHash } from 'node:crypto';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { alignOutward, eachExtent, totalBytes } from '../extents.js';
import { usedExtents } from '../frommap.js';
import type { ExtentList } from '../../engine/types.js';
import { inChunks, type MappedDevice } from './format.js';

/** bmaptool's own unit. Used ranges are rounded outwards to it. */
const blockBytes = 4096;

export function* bmap(map: UsedMap, device: MappedDevice): Generator<string> {
  const mapped = alignOutward(usedExtents(map.ranges), blockBytes);
  const sum = createHash('sha256');
  for (const chunk of inChunks(pieces(mapped, device, '0'.repeat(64)))) sum.update(chunk);
  yield* inChunks(pieces(mapped, device, sum.digest('hex')));
}

function* pieces(mapped: ExtentList, device: MappedDevice, checksum: string): Generator<string> {
  yield `<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize> ${device.bytes} </ImageSize>
    <BlockSize> ${blockBytes} </BlockSize>
    <BlocksCount> ${Math.ceil(device.bytes / blockBytes)} </BlocksCount>
    <MappedBlocksCount> ${totalBytes(mapped) / blockBytes} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${checksum} </BmapFileChecksum>
    <BlockMap>
`;
  for (const { start, length } of eachExtent(mapped)) {
    const first = start / blockBytes;
    const last = (start + length) / blockBytes - 1;
    yield `        <Range> ${first === last ? first : `${first}-${last}`} </Range>\n`;
  }
  yield '    </BlockMap>\n</bmap>\n';
}
