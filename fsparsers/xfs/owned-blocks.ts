/** Gathers who owns which block of an allocation group, while its structures are read. */

import { ParseError } from '../errors.js';
import { BlockList } from './block-list.js';
import { KnownBlocks, type BlockPurpose } from './known-blocks.js';
import { agBlockBytes, agLength, type Geometry } from './superblock.js';

export function blockFault(
  geometry: Geometry,
  agno: number,
  agbno: number,
  what: string,
): ParseError {
  return new ParseError('CORRUPT', what, {
    structure: `AG ${agno} block ${agbno}`,
    offsetBytes: agBlockBytes(geometry, agno, agbno),
  });
}

/** Every block of the group that some structure owns; owned twice is a contradiction. */
export class OwnedBlocks {
  readonly #geometry: Geometry;
  readonly #agno: number;
  readonly #lists = new Map<BlockPurpose, BlockList>();
  readonly #single = new Set<number>();

  constructor(geometry: Geometry, agno: number) {
    this.#geometry = geometry;
    this.#agno = agno;
    const { startBytes, lengthBytes } = geometry.log;
    const agStart = agBlockBytes(geometry, agno, 0);
    const within = startBytes === null ? -1 : (startBytes - agStart) / geometry.blockBytes;
    if (within >= 0 && within < agLength(geometry, agno)) {
      this.add('log', within, lengthBytes / geometry.blockBytes);
    }
  }

  add(purpose: BlockPurpose, agbno: number, blocks: number): void {
    if (blocks === 1 && purpose !== 'superblock and headers') {
      if (this.#single.has(agbno)) {
        throw blockFault(this.#geometry, this.#agno, agbno, `occurs twice, now in the ${purpose}`);
      }
      this.#single.add(agbno);
    }
    this.listOf(purpose).push(agbno, blocks);
  }

  listOf(purpose: BlockPurpose): BlockList {
    let list = this.#lists.get(purpose);
    if (list === undefined) {
      list = new BlockList();
      this.#lists.set(purpose, list);
    }
    return list;
  }

  countOf(purpose: BlockPurpose): number {
    return this.#lists.get(purpose)?.length ?? 0;
  }

  finish(): KnownBlocks {
    return KnownBlocks.from(this.#lists);
  }
}
