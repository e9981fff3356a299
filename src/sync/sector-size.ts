/** Whether the content of a source works with a target's sector size: no file system can read half a sector. */

import { probe, SubReader } from '../../fsparsers/index.js';
import type { ByteReader } from '../../fsparsers/reader.js';
import type { Volume, Refusal, TargetFacts } from '../volume/index.js';

/** The smallest block that a file system reads; for a partition table the unit that it counts in. */
interface Unit {
  readonly what: string;
  readonly bytes: number;
  readonly isExact: boolean;
}

interface Place {
  readonly at: number;
  readonly read: (bytes: DataView) => number;
}

/** Where superblocks store it. NTFS is missing because its Linux drivers read it on any sector size. */
const places: Readonly<Record<string, Place>> = {
  ext: { at: 1024 + 24, read: (bytes) => 1024 << Math.min(bytes.getUint32(0, true), 6) },
  xfs: { at: 102, read: (bytes) => bytes.getUint16(0) },
  vfat: { at: 11, read: (bytes) => bytes.getUint16(0, true) },
  exfat: { at: 108, read: (bytes) => 1 << Math.min(bytes.getUint8(0), 12) },
  btrfs: { at: 65536 + 144, read: (bytes) => bytes.getUint32(0, true) },
};

/** The refusals for targets that are devices; a file can be attached with any sector size. */
export async function sectorRefusals(
  { identity, reader }: Volume,
  partitions: readonly { readonly start: number; readonly length: number }[],
  targets: readonly TargetFacts[],
): Promise<Refusal[]> {
  const devices = targets.filter(({ identity: target }) => target.kind === 'block');
  if (devices.length === 0) return [];
  const sectorBytes = identity.kind === 'block' ? identity.logicalBlockBytes : 512;
  const units = await unitsOf(reader, sectorBytes);
  for (const { start, length } of partitions) {
    if (length === 0 || start + length > reader.sizeBytes) continue;
    units.push(...(await unitsOf(new SubReader(reader, start, length), sectorBytes)));
  }
  return devices.flatMap(({ identity: { path, logicalBlockBytes: own } }) => {
    const wrong = units.find(({ bytes, isExact }) => (isExact ? bytes !== own : bytes < own));
    return wrong === undefined ? [] : [refusalOf(path, own, identity.path, wrong)];
  });
}

function refusalOf(target: string, own: number, source: string, unit: Unit): Refusal {
  const { what, bytes, isExact } = unit;
  const why = isExact
    ? `counts in sectors of ${bytes} bytes, so the kernel would not find it there`
    : `reads blocks of ${bytes} bytes, so it could not be mounted there`;
  return {
    code: 'SECTOR_SIZE',
    message: `the target ${target} has sectors of ${own} bytes, and the ${what} of ${source} ${why}`,
    remedy: 'name a target with sectors of that size',
  };
}

async function unitsOf(reader: ByteReader, sectorBytes: number): Promise<Unit[]> {
  const units: Unit[] = [];
  for (const { type, family, doubt, offsetBytes } of await probe(reader).catch(() => [])) {
    if (doubt !== null) continue;
    if (type === 'dos') units.push({ what: 'partition table', bytes: sectorBytes, isExact: true });
    if (type === 'gpt') {
      const bytes = offsetBytes === 4096 || offsetBytes === 512 ? offsetBytes : sectorBytes;
      units.push({ what: 'partition table', bytes, isExact: true });
    }
    const place = places[type] ?? places[family];
    if (place === undefined) continue;
    const found = await reader.read(place.at, 4);
    const bytes = place.read(new DataView(found.buffer, found.byteOffset, 4));
    units.push({ what: type, bytes, isExact: false });
  }
  return units;
}
