/** The headers at the start of every allocation group: AGF, AGI and AGFL, checked. */

import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { checksumIsRight, sameBytes, viewOf } from './bytes.js';
import { agBlockBytes, agLength, type Geometry } from './superblock.js';
import { isNewerThanLog, type MetadataView } from './view.js';

/** struct xfs_agf, fs/xfs/libxfs/xfs_format.h; v4 ends after btreeBlocks. */
export const agfLayout = layout('big', {
  magic: [0, 'u32'],
  version: [4, 'u32'],
  agno: [8, 'u32'],
  length: [12, 'u32'],
  bnoRoot: [16, 'u32'],
  cntRoot: [20, 'u32'],
  rmapRoot: [24, 'u32'],
  bnoLevels: [28, 'u32'],
  cntLevels: [32, 'u32'],
  rmapLevels: [36, 'u32'],
  flFirst: [40, 'u32'],
  flLast: [44, 'u32'],
  flCount: [48, 'u32'],
  freeBlocks: [52, 'u32'],
  longest: [56, 'u32'],
  btreeBlocks: [60, 'u32'],
  uuid: [64, 'bytes:16'],
  refcountRoot: [88, 'u32'],
  refcountLevels: [92, 'u32'],
  lsnCycle: [208, 'u32'],
  lsnBlock: [212, 'u32'],
});

/** struct xfs_agi, fs/xfs/libxfs/xfs_format.h. */
export const agiLayout = layout('big', {
  magic: [0, 'u32'],
  version: [4, 'u32'],
  agno: [8, 'u32'],
  length: [12, 'u32'],
  root: [20, 'u32'],
  levels: [24, 'u32'],
  uuid: [296, 'bytes:16'],
  lsnCycle: [320, 'u32'],
  lsnBlock: [324, 'u32'],
  freeRoot: [328, 'u32'],
  freeLevels: [332, 'u32'],
});

/** struct xfs_agfl, fs/xfs/libxfs/xfs_format.h; v4 has no header, only the block numbers. */
export const agflLayout = layout('big', {
  magic: [0, 'u32'],
  agno: [4, 'u32'],
  uuid: [8, 'bytes:16'],
  lsnCycle: [24, 'u32'],
  lsnBlock: [28, 'u32'],
});
const agflHeaderBytes = 36;

export type Agf = ReturnType<typeof agfLayout.decode>;
export type Agi = ReturnType<typeof agiLayout.decode>;

export interface AgHeaders {
  readonly agf: Agf;
  readonly agi: Agi;
  /** The blocks held back for the free-space trees, in the list's order. */
  readonly freeList: readonly number[];
}

/** Each header fills a sector; the superblock's copy is the first of the four. */
const sectors = { agf: 1, agi: 2, agfl: 3 } as const;
type HeaderName = keyof typeof sectors;

const magics: Readonly<Record<HeaderName, number>> = {
  agf: 0x58414746, // "XAGF"
  agi: 0x58414749, // "XAGI"
  agfl: 0x5841464c, // "XAFL"
};
const crcs: Readonly<Record<HeaderName, number>> = { agf: 216, agi: 312, agfl: 32 };

/** Blocks at the start of each group that the superblock's copy and these headers fill. */
export function headerBlocks(geometry: Geometry): number {
  return Math.ceil((4 * geometry.sectorBytes) / geometry.blockBytes);
}

/** Reads a group's headers in one read and checks each. @throws ParseError naming the header and its place. */
export async function readAgHeaders(
  view: MetadataView,
  geometry: Geometry,
  agno: number,
): Promise<AgHeaders> {
  const { sectorBytes } = geometry;
  const startBytes = agBlockBytes(geometry, agno, 0);
  const bytes = await view.read(startBytes, 4 * sectorBytes);
  const sector = (name: HeaderName) =>
    bytes.subarray(sectors[name] * sectorBytes, (sectors[name] + 1) * sectorBytes);
  const check = (name: HeaderName) => {
    checkV5Header(view, geometry, agno, name, sector(name));
  };
  const agf = agfLayout.decode(sector('agf'));
  check('agf');
  checkIdentity(geometry, agno, 'agf', agf);
  checkAgf(geometry, agno, agf);
  const agi = agiLayout.decode(sector('agi'));
  check('agi');
  checkIdentity(geometry, agno, 'agi', agi);
  check('agfl');
  return { agf, agi, freeList: readFreeList(geometry, agno, agf, sector('agfl')) };
}

/** Only the fields for the tree walk of a stale view: an AGF that may contradict everything else. */
export async function readAgfAlone(
  view: MetadataView,
  geometry: Geometry,
  agno: number,
): Promise<Agf> {
  const offsetBytes = agBlockBytes(geometry, agno, 0) + geometry.sectorBytes;
  const bytes = await view.read(offsetBytes, geometry.sectorBytes);
  const agf = agfLayout.decode(bytes);
  checkV5Header(view, geometry, agno, 'agf', bytes);
  checkIdentity(geometry, agno, 'agf', agf);
  return agf;
}

/** Where a group's inodes are, even if the rest of the group is damaged. */
export async function readAgiAlone(
  view: MetadataView,
  geometry: Geometry,
  agno: number,
): Promise<Agi> {
  const offsetBytes = agBlockBytes(geometry, agno, 0) + sectors.agi * geometry.sectorBytes;
  const bytes = await view.read(offsetBytes, geometry.sectorBytes);
  const agi = agiLayout.decode(bytes);
  checkV5Header(view, geometry, agno, 'agi', bytes);
  checkIdentity(geometry, agno, 'agi', agi);
  return agi;
}

function headerFault(geometry: Geometry, agno: number, name: HeaderName, what: string): ParseError {
  return new ParseError('CORRUPT', what, {
    structure: `AG ${agno} ${name.toUpperCase()}`,
    offsetBytes: agBlockBytes(geometry, agno, 0) + sectors[name] * geometry.sectorBytes,
  });
}

function checkV5Header(
  view: MetadataView,
  geometry: Geometry,
  agno: number,
  name: HeaderName,
  bytes: Uint8Array,
): void {
  if (geometry.version !== 5) return;
  const wrong = (what: string) => headerFault(geometry, agno, name, what);
  const layoutOf = { agf: agfLayout, agi: agiLayout, agfl: agflLayout }[name];
  const { magic, agno: own, uuid, lsnCycle, lsnBlock } = layoutOf.decode(bytes);
  if (magic !== magics[name]) throw wrong('has another magic number');
  if (own !== agno) throw wrong(`was written for AG ${own}`);
  if (!sameBytes(uuid, geometry.metaUuid)) throw wrong('belongs to another file system');
  const offsetBytes = agBlockBytes(geometry, agno, 0) + sectors[name] * geometry.sectorBytes;
  if (view.isReplayed(offsetBytes, bytes.length)) return;
  if (!checksumIsRight(bytes, crcs[name])) throw wrong('its checksum is wrong');
  if (isNewerThanLog(view, lsnCycle, lsnBlock)) throw wrong('is newer than the log');
}

function checkIdentity(
  geometry: Geometry,
  agno: number,
  name: 'agf' | 'agi',
  header: Pick<Agf, 'magic' | 'version' | 'agno' | 'length'>,
): void {
  const wrong = (what: string) => headerFault(geometry, agno, name, what);
  if (header.magic !== magics[name]) throw wrong('has another magic number');
  if (header.version !== 1) throw wrong(`is of version ${header.version}`);
  if (header.agno !== agno) throw wrong(`was written for AG ${header.agno}`);
  if (header.length !== agLength(geometry, agno)) throw wrong(`says ${header.length} blocks`);
}

function checkAgf(geometry: Geometry, agno: number, agf: Agf): void {
  const wrong = (what: string) => headerFault(geometry, agno, 'agf', what);
  if (agf.freeBlocks > agf.length || agf.longest > agf.freeBlocks) {
    throw wrong('its free block counts are impossible');
  }
}

function readFreeList(
  geometry: Geometry,
  agno: number,
  agf: Agf,
  bytes: Uint8Array,
): readonly number[] {
  const wrong = (what: string) => headerFault(geometry, agno, 'agfl', what);
  const firstAt = geometry.version === 5 ? agflHeaderBytes : 0;
  const slots = Math.floor((geometry.sectorBytes - firstAt) / 4);
  if (agf.flFirst >= slots || agf.flLast >= slots || agf.flCount > slots) {
    throw wrong('the AGF points outside it');
  }
  if (agf.flCount === 0) return [];
  const active = ((agf.flLast - agf.flFirst + slots) % slots) + 1;
  if (active !== agf.flCount) throw wrong(`holds ${active} blocks where the AGF counts others`);
  const view = viewOf(bytes);
  return Array.from({ length: active }, (_, index) => {
    const slot = (agf.flFirst + index) % slots;
    const agbno = view.getUint32(firstAt + 4 * slot);
    if (agbno < headerBlocks(geometry) || agbno >= agf.length) {
      throw wrong(`names block ${agbno}, which is not the group's to give`);
    }
    return agbno;
  });
}
