/** Whole disks: each partition is mapped by its own parser, everything else is used. */

import { ParseError } from '../errors.js';
import type { Parser, ParserOptions } from '../parser.js';
import type { ByteReader } from '../reader.js';
import type { UsedMap } from '../usedmap.js';
import { mapDisk, type MapPartition } from './mapdisk.js';
import { readPartitionTables } from './readtable.js';
import type { PartitionTable } from './table.js';

export type { MapPartition } from './mapdisk.js';
export { readPartitionTables } from './readtable.js';
export type { Partition, PartitionTable } from './table.js';

/**
 * The parser of disks with a partition table (GPT, or MBR with logical partitions). `mapPartition` maps a
 * volume of unknown kind; if it throws a ParseError, all of the partition is used.
 */
export function diskParser(mapPartition: MapPartition): Parser {
  return {
    family: 'disk',

    async probe(reader: ByteReader): Promise<string | null> {
      try {
        const [table] = await readPartitionTables(reader);
        return table === undefined ? null : describe(table);
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
        const isAbsent = error.code === 'NOT_RECOGNISED' || error.code === 'TRUNCATED';
        return isAbsent ? null : `partition table, damaged (${error.message})`;
      }
    },

    async parse(reader: ByteReader, options: ParserOptions = {}): Promise<UsedMap> {
      const tables = await readPartitionTables(reader, options);
      return mapDisk(reader, tables, mapPartition, options);
    },
  };
}

function describe({ scheme, uuid, partitions }: PartitionTable): string {
  const name = scheme === 'gpt' ? 'GPT' : 'MBR';
  return `${name} with ${partitions.length} partitions, ${uuid ?? 'without an identifier'}`;
}
