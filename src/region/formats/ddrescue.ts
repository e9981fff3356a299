/**
 * GNU ddrescue's mapfile (its manual, "Mapfile structure"), used as a domain: `+` marks what is in use,
 * `?` what is free. `ddrescue --domain-mapfile` then copies only what is in use.
 */

import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { inChunks, rangesByUse, type MappedDevice } from './format.js';

export function ddrescue(map: UsedMap, device: MappedDevice): Iterable<string> {
  return inChunks(pieces(map, device));
}

function hex(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(8, '0')}`;
}

function* pieces(map: UsedMap, device: MappedDevice): Generator<string> {
  // A line break in the path would end the comment and begin a block.
  yield `# Mapfile. Created by fastsync\n# Used ranges (+) and free ones (?) of ${JSON.stringify(device.path)}\n`;
  yield '# current_pos  current_status  current_pass\n';
  yield '0x00000000     ?               1\n';
  yield '#      pos        size  status\n';
  for (const { start, length, used } of rangesByUse(map)) {
    yield `${hex(start)}  ${hex(length)}  ${used ? '+' : '?'}\n`;
  }
}
