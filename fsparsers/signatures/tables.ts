/** Partition tables: GPT with its backup, and the MBR. */

import { crc32 } from '../checksum.js';
import { mbrBytes, protectsGpt } from '../disk/mbr.js';
import { layout } from '../layout.js';
import {
  firstDoubt,
  hex,
  withZeroes,
  type Details,
  type SignatureRule,
  type View,
} from './rule.js';

/** UEFI specification 2.10, section 5.3.2, table 5.5. */
const gptHeader = layout('little', {
  headerBytes: [12, 'u32'],
  checksum: [16, 'u32'],
  ownSector: [24, 'u64'],
  otherSector: [32, 'u64'],
  guid: [56, 'bytes:16'],
  entriesSector: [72, 'u64'],
  entryCount: [80, 'u32'],
  entryBytes: [84, 'u32'],
  entriesChecksum: [88, 'u32'],
});

/** A GUID's first three fields are little-endian. */
function guid(bytes: Uint8Array): string {
  const part = (from: number, to: number) => hex(bytes.slice(from, to).reverse());
  const tail = hex(bytes.subarray(10, 16));
  return `${part(0, 4)}-${part(4, 6)}-${part(6, 8)}-${hex(bytes.subarray(8, 10))}-${tail}`;
}

/** Larger than any real table (128 entries of 128 bytes), small enough to read without further checks. */
const maxEntriesBytes = 1024 * 1024;

const noBytes = new Uint8Array(0);

/** Without it the kernel ignores the GPT, which may be outdated. */
export const unprotected = 'its protective MBR is missing or wrong, so that the kernel ignores it';

async function describeGpt(
  bytes: Uint8Array,
  place: number,
  sectorBytes: number,
  view: View,
): Promise<Details> {
  const header = gptHeader.decode(bytes);
  const isSized = header.headerBytes >= 92 && header.headerBytes <= bytes.length;
  const isSummed = () =>
    crc32(withZeroes(bytes.subarray(0, header.headerBytes), 16, 4)) === header.checksum;
  const sectorZero = await view.read(0, mbrBytes);
  const entriesBytes = header.entryCount * header.entryBytes;
  const entries =
    entriesBytes <= maxEntriesBytes
      ? await view.read(header.entriesSector * sectorBytes, entriesBytes)
      : null;
  return {
    uuid: guid(header.guid),
    doubt: firstDoubt(
      [!isSized, `its header has ${header.headerBytes} bytes`],
      [
        header.ownSector !== place / sectorBytes,
        `it says that it lies in sector ${header.ownSector}`,
      ],
      [isSized && !isSummed(), 'its header checksum does not match'],
      [entries === null, 'its entries do not lie on the device'],
      [
        entries !== null && crc32(entries) !== header.entriesChecksum,
        'the checksum of its entries does not match',
      ],
      [!protectsGpt(sectorZero ?? noBytes), unprotected],
    ),
  };
}

/** Sector 1, or the backup in the last sector where the first is gone. */
function gptRule(sectorBytes: number): SignatureRule {
  return {
    type: 'gpt',
    family: 'disk',
    kind: 'partition-table',
    places: (deviceBytes) => [
      sectorBytes,
      Math.floor(deviceBytes / sectorBytes) * sectorBytes - sectorBytes,
    ],
    magics: [{ at: 0, bytes: 'EFI PART' }],
    structureBytes: 512,
    describe: (bytes, place, view) => describeGpt(bytes, place, sectorBytes, view),
  };
}

/** The classical MBR: four entries of 16 bytes at 446. */
const mbrEntry = layout('little', {
  boot: [0, 'u8'],
  type: [4, 'u8'],
  firstSector: [8, 'u32'],
  sectors: [12, 'u32'],
});

/** The entry of a GPT that makes old tools see the disk as occupied. */
const protectiveType = 0xee;

const mbr: SignatureRule = {
  type: 'dos',
  family: 'disk',
  kind: 'partition-table',
  places: [0],
  magics: [{ at: 510, bytes: '\x55\xaa' }],
  structureBytes: 512,
  describe(bytes, _place, view) {
    const entries = [446, 462, 478, 494].map((at) => mbrEntry.decode(bytes, at));
    const used = entries.filter(({ type, sectors }) => type !== 0 && sectors !== 0);
    // Every boot sector ends like this; it is a table only if all four entries look like entries.
    const isTable =
      used.length > 0 &&
      entries.every(({ boot }) => boot === 0 || boot === 0x80) &&
      used.every(({ firstSector }) => firstSector > 0);
    if (!isTable || used.some(({ type }) => type === protectiveType)) return null;
    const byStart = used.toSorted((a, b) => a.firstSector - b.firstSector);
    const overlap = byStart.some(
      ({ firstSector }, index) =>
        index > 0 &&
        firstSector < (byStart[index - 1]?.firstSector ?? 0) + (byStart[index - 1]?.sectors ?? 0),
    );
    const identifier = hex(bytes.slice(440, 444).reverse());
    return {
      uuid: identifier === '00000000' ? null : identifier,
      doubt: firstDoubt(
        [
          used.some(({ firstSector }) => firstSector * 512 >= view.deviceBytes),
          'a partition begins behind the end of the device',
        ],
        [overlap, 'its partitions overlap'],
      ),
    };
  },
};

export const tableRules: readonly SignatureRule[] = [gptRule(512), gptRule(4096), mbr];
