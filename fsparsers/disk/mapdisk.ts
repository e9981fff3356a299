/** The map of a disk, put together from the maps of its partitions. */

import { joinCrossChecks } from '../crosscheck.js';
import { ParseError } from '../errors.js';
import type { ParserOptions } from '../parser.js';
import { SubReader, type ByteReader } from '../reader.js';
import { MapBuilder } from '../mapbuilder.js';
import type { Filesystem, Hazard, MapNote, PartitionMap, UsedMap } from '../usedmap.js';
import { overlaps } from './overlaps.js';
import { warning, type NamedExtent, type Partition, type PartitionTable } from './table.js';
import { pieceTypes } from './typenames.js';

/** Identifies and maps a volume. Rejects with ParseError if it cannot. */
export type MapPartition = (reader: ByteReader, options: ParserOptions) => Promise<UsedMap>;

/** A partition with its map, or with the reason why it has none. */
type Mapped = Partition & ({ readonly map: UsedMap } | { readonly problem: string });

interface Candidate {
  readonly table: PartitionTable;
  readonly mapped: readonly Mapped[];
}

/**
 * Maps each partition; everything outside of them is used, and so is a partition without a map. Of
 * several readings of a table the one counts under which something is found in the partitions.
 * @throws ParseError AMBIGUOUS where something is found under more than one.
 */
export async function mapDisk(
  reader: ByteReader,
  tables: readonly PartitionTable[],
  mapPartition: MapPartition,
  options: ParserOptions,
): Promise<UsedMap> {
  const candidates: Candidate[] = [];
  for (const table of tables) {
    candidates.push({
      table,
      mapped: await mapPartitions(reader, table, mapPartition, options),
    });
  }
  const chosen = choose(candidates);
  return assemble(reader, chosen.table, chosen.mapped);
}

function choose(candidates: readonly Candidate[]): Candidate {
  const place = { structure: 'partition table', offsetBytes: 0 };
  const [first] = candidates;
  if (first === undefined) throw new ParseError('NOT_RECOGNISED', 'none', place);
  const found = candidates.filter(({ mapped }) => mapped.some((partition) => 'map' in partition));
  if (found.length > 1) {
    const sizes = found.map(({ table }) => table.sectorBytes).join(' and of ');
    throw new ParseError(
      'AMBIGUOUS',
      `file systems are found with sectors of ${sizes} bytes`,
      place,
    );
  }
  return found[0] ?? first;
}

async function mapPartitions(
  reader: ByteReader,
  { partitions, sectorBytes }: PartitionTable,
  mapPartition: MapPartition,
  { signal, crossCheck, writersWait, swap }: ParserOptions,
): Promise<Mapped[]> {
  const overlapping = overlaps(partitions.filter(({ isContainer }) => !isContainer));
  const mapped: Mapped[] = [];
  for (const partition of partitions) {
    signal?.throwIfAborted();
    const { index, start, length, type, isContainer } = partition;
    const other = overlapping.get(index);
    if (isContainer) {
      mapped.push({ ...partition, problem: 'holds logical partitions' });
    } else if (start + length > reader.sizeBytes) {
      mapped.push({ ...partition, problem: 'ends behind the device' });
    } else if (other !== undefined) {
      mapped.push({ ...partition, problem: `overlaps partition ${other}` });
    } else if (pieceTypes.has(type)) {
      mapped.push({ ...partition, problem: 'is a piece of a dynamic volume' });
    } else {
      const part = new SubReader(reader, start, length);
      const inner = {
        sectorBytes,
        ...(crossCheck === undefined ? {} : { crossCheck }),
        ...(swap === undefined ? {} : { swap }),
        ...(writersWait === undefined ? {} : { writersWait }),
        ...(signal === undefined ? {} : { signal }),
      };
      mapped.push({ ...partition, ...(await mapOrProblem(mapPartition, part, inner)) });
    }
  }
  return mapped;
}

async function mapOrProblem(
  mapPartition: MapPartition,
  reader: ByteReader,
  options: ParserOptions,
): Promise<{ readonly map: UsedMap } | { readonly problem: string }> {
  try {
    return { map: await mapPartition(reader, options) };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { problem: error.message };
  }
}

function assemble(reader: ByteReader, table: PartitionTable, mapped: readonly Mapped[]): UsedMap {
  const builder = new MapBuilder(reader.sizeBytes);
  const notes: MapNote[] = [...table.notes];
  const hazards: Hazard[] = [];
  for (const partition of mapped) {
    if (partition.isContainer) continue;
    const { index, start, length } = partition;
    const told = (text: string): string => `partition ${index}: ${text}`;
    if ('problem' in partition) {
      builder.mark('unknown', start, length);
      notes.push(
        warning('PARTITION_WHOLE', told(`${partition.problem}; all of it counts as used`)),
      );
      continue;
    }
    const { map } = partition;
    for (const range of map.ranges) builder.mark(range.reason, start + range.start, range.length);
    notes.push(...map.notes.map((note) => ({ ...note, message: told(note.message) })));
    hazards.push(
      ...(map.hazards ?? []).map((hazard) => ({ ...hazard, message: told(hazard.message) })),
    );
  }
  for (const { start, length } of table.disputed) builder.mark('unknown', start, length);
  for (const { start, length } of table.structures) builder.mark('metadata', start, length);
  markGaps(reader, mapped, builder);
  if (builder.coarseBytes > 0) {
    notes.push({
      severity: 'info',
      code: 'MAP_COARSE',
      message: `free ranges below ${builder.coarseBytes} bytes count as used, to limit memory`,
    });
  }
  const crossCheck = joinCrossChecks(
    mapped.map((partition) => ({
      name: `partition ${partition.index}`,
      crossCheck: 'map' in partition ? partition.map.crossCheck : undefined,
    })),
  );
  return {
    deviceBytes: reader.sizeBytes,
    filesystem: describeTable(reader, table, mapped),
    notes,
    ...(crossCheck === undefined ? {} : { crossCheck }),
    hazards,
    partitions: mapped.map(describePartition),
    ranges: builder.build(),
    locate: (offsetBytes) => locate(table, mapped, offsetBytes),
  };
}

/**
 * The ranges outside all partitions, marked separately to distinguish them from what a parser does not
 * know.
 */
function markGaps(reader: ByteReader, mapped: readonly Mapped[], builder: MapBuilder): void {
  const inOrder = mapped
    .filter(({ isContainer }) => !isContainer)
    .toSorted((a, b) => a.start - b.start);
  let end = 0;
  for (const { start, length } of inOrder) {
    builder.mark('outside', end, start - end);
    end = Math.max(end, start + length);
  }
  builder.mark('outside', end, reader.sizeBytes - end);
}

function describeTable(
  reader: ByteReader,
  { scheme, uuid, sectorBytes }: PartitionTable,
  mapped: readonly Mapped[],
): Filesystem {
  const states = mapped.map((partition) =>
    'map' in partition ? partition.map.filesystem.state : 'clean',
  );
  const worst = (['errors', 'dirty'] as const).find((state) => states.includes(state));
  return {
    type: scheme,
    uuid,
    label: null,
    blockBytes: sectorBytes,
    sizeBytes: reader.sizeBytes,
    features: [],
    state: worst ?? 'clean',
    journal: { state: 'none', detail: 'each partition has its own' },
    geometry: { 'sector bytes': sectorBytes, partitions: mapped.length },
  };
}

function describePartition(partition: Mapped): PartitionMap {
  const { index, start, length, type, typeName, name, uuid } = partition;
  const hasMap = 'map' in partition;
  return {
    index,
    start,
    length,
    type,
    typeName,
    name,
    uuid,
    filesystem: hasMap ? partition.map.filesystem : null,
    problem: hasMap ? null : partition.problem,
  };
}

function locate(table: PartitionTable, mapped: readonly Mapped[], offsetBytes: number): string {
  const holds = ({ start, length }: NamedExtent | Mapped): boolean =>
    offsetBytes >= start && offsetBytes < start + length;
  const structure = table.structures.find(holds);
  if (structure !== undefined) return structure.name;
  const partition = mapped.find((candidate) => !candidate.isContainer && holds(candidate));
  if (partition !== undefined) {
    const within =
      'map' in partition ? partition.map.locate(offsetBytes - partition.start) : 'unknown';
    return `partition ${partition.index}: ${within}`;
  }
  const container = mapped.find(holds);
  return container === undefined
    ? 'outside all partitions'
    : `partition ${container.index}: between logical partitions`;
}
