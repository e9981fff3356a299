/** Paints the whole device from its allocation groups: the last step to a UsedMap. */

import { ParseError } from '../errors.js';
import { eachExtent, type ExtentList, intersect } from '../extents.js';
import type { MapBuilder } from '../mapbuilder.js';
import type { MapNote } from '../usedmap.js';
import { readAg, readStaleFree, type AgSpace } from './ag.js';
import type { KnownBlocks } from './known-blocks.js';
import { agBlockBytes, agLength, type Geometry } from './superblock.js';
import type { MetadataView } from './view.js';

/** Groups read at the same time. */
const groupsInFlight = 4;
/** After this many bad groups in a row the rest is not tried and counts as used. */
const badGroupsInRow = 256;
/** Bad groups named one by one; more are counted. */
const namedGroups = 16;

export interface Views {
  /** The current view: the device, or the device with its log replayed. */
  readonly current: MetadataView;
  /** The device before replay, if there was one: blocks that it uses stay used. */
  readonly stale: MetadataView | null;
}

export interface PaintedGroups {
  readonly notes: readonly MapNote[];
  /** Purpose of blocks by group; null for a group whose structures failed. */
  readonly known: readonly (KnownBlocks | null)[];
  /** Free blocks that were painted. */
  readonly freeBlocks: number;
  /** The sum to hold against sb_fdblocks; null where a group is missing from it. */
  readonly countedBlocks: number | null;
}

/** The result of one group. */
type Group =
  { readonly space: AgSpace; readonly free: ExtentList } | { readonly fault: ParseError };

/** Reads and paints every allocation group; one whose structures fail is left unknown. */
export async function paintGroups(
  builder: MapBuilder,
  geometry: Geometry,
  views: Views,
): Promise<PaintedGroups> {
  const known: (KnownBlocks | null)[] = [];
  const faults: ParseError[] = [];
  let counted = 0;
  let freeBlocks = 0;
  let badInRow = 0;
  for (let first = 0; first < geometry.agCount; first += groupsInFlight) {
    if (badInRow >= badGroupsInRow) break;
    const size = Math.min(groupsInFlight, geometry.agCount - first);
    const groups = await Promise.all(
      Array.from({ length: size }, (_, index) => readGroup(geometry, views, first + index)),
    );
    for (const [index, group] of groups.entries()) {
      if ('fault' in group) {
        faults.push(group.fault);
        known.push(null);
        badInRow++;
        continue;
      }
      badInRow = 0;
      counted += group.space.countedBlocks;
      known.push(group.space.known);
      freeBlocks += paintGroup(builder, geometry, first + index, group.free, group.space.known);
    }
  }
  return {
    notes: faultNotes(faults, geometry.agCount - known.length),
    known,
    freeBlocks,
    countedBlocks: faults.length === 0 ? counted : null,
  };
}

async function readGroup(geometry: Geometry, views: Views, agno: number): Promise<Group> {
  try {
    const space = await readAg(views.current, geometry, agno);
    if (views.stale === null) return { space, free: space.free };
    const before = await readStaleFree(views.stale, geometry, agno);
    return { space, free: intersect(space.free, before) };
  } catch (error) {
    if (error instanceof ParseError) return { fault: error };
    throw error;
  }
}

/** Returns how many blocks were painted free. */
function paintGroup(
  builder: MapBuilder,
  geometry: Geometry,
  agno: number,
  free: ExtentList,
  known: KnownBlocks,
): number {
  const { blockBytes } = geometry;
  const base = agBlockBytes(geometry, agno, 0);
  let end = 0;
  let freeBlocks = 0;
  for (const { start, length: blocks } of eachExtent(free)) {
    builder.mark('data', base + end * blockBytes, (start - end) * blockBytes);
    builder.mark('free', base + start * blockBytes, blocks * blockBytes);
    end = start + blocks;
    freeBlocks += blocks;
  }
  builder.mark('data', base + end * blockBytes, (agLength(geometry, agno) - end) * blockBytes);
  for (let index = 0; index < known.length; index++) {
    const start = known.startOf(index);
    if (known.purposeOf(index) === 'log') continue;
    builder.mark('metadata', base + start * blockBytes, (known.endOf(index) - start) * blockBytes);
  }
  return freeBlocks;
}

function faultNotes(faults: readonly ParseError[], untried: number): MapNote[] {
  const notes: MapNote[] = faults.slice(0, namedGroups).map((fault) => ({
    severity: 'warning',
    code: 'XFS_GROUP_UNKNOWN',
    message: `${fault.message}; its whole allocation group counts as used`,
  }));
  const more = Math.max(0, faults.length - namedGroups) + untried;
  if (more > 0) {
    notes.push({
      severity: 'warning',
      code: 'XFS_GROUP_UNKNOWN',
      message: `${more} more allocation groups are damaged or were not tried, and count as used`,
    });
  }
  return notes;
}
