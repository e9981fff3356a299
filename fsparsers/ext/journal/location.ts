/**
 * Finds the journal: in an inode of the file system, in the copy of that inode's map which the
 * superblock keeps, or on a device of its own.
 *
 * Sources: Linux fs/ext4/super.c (ext4_open_inode_journal, ext4_open_dev_journal), e2fsprogs
 * e2fsck/journal.c (e2fsck_get_journal) for the copy.
 */

import { ParseError } from '../../errors.js';
import type { Extent } from '../../extents.js';
import type { ByteReader } from '../../reader.js';
import { mapBlocks } from '../blockmap.js';
import type { BlockMap } from '../blockmap.js';
import { looksLikeExtents } from '../extents.js';
import type { ExtGeometry } from '../geometry.js';
import { inodeFlags, readInode } from '../inode.js';
import type { Inode } from '../inode.js';
import { readSuperblock, superblockError, uuidText } from '../superblock.js';
import { minJournalBlocks } from './layout.js';
import type { JournalVolume } from './log.js';

export interface JournalLocation {
  readonly volume: JournalVolume;
  /** Blocks there are for the journal. */
  readonly blocks: number;
  /** The journal block that holds its superblock. */
  readonly superblockBlock: number;
  readonly external: boolean;
  /** Where it lies on the file system's device, its block map included. */
  readonly ranges: readonly Extent[];
  /** A remark about how it was found, or an empty string. */
  readonly note: string;
}

/** The UUID of the external journal's device, or null where the journal is inside. Throws ParseError. */
export function externalJournalUuid(geometry: ExtGeometry): string | null {
  const { journalInode, journalDevice, journalUuid } = geometry.superblock.fields;
  const uuid = uuidText(journalUuid);
  const external = journalDevice !== 0 || uuid !== null;
  if (external && journalInode !== 0) {
    throw superblockError('CORRUPT', 'names both a journal inode and a journal device');
  }
  if (!external && journalInode === 0) throw superblockError('CORRUPT', 'names no journal');
  return external ? (uuid ?? 'unknown') : null;
}

/** Finds a journal on the file system's own device. Rejects with ParseError. */
export async function findInternalJournal(
  reader: ByteReader,
  geometry: ExtGeometry,
): Promise<JournalLocation> {
  const number = geometry.superblock.fields.journalInode;
  try {
    const inode = await readInode(reader, geometry, number);
    return await internalJournal(reader, geometry, inode, '');
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return findByCopy(reader, geometry, error);
  }
}

/** Finds it by the copy of its inode; if that fails too, reports the damage to the inode. */
async function findByCopy(
  reader: ByteReader,
  geometry: ExtGeometry,
  damage: ParseError,
): Promise<JournalLocation> {
  const inode = backupInode(geometry);
  if (inode === null) throw damage;
  const note = `journal inode is damaged (${damage.message}), found by its copy in the superblock`;
  try {
    return await internalJournal(reader, geometry, inode, note);
  } catch (error) {
    throw error instanceof ParseError ? damage : error;
  }
}

/**
 * The inode as the superblock's copy of its block map and size gives it, or null without one. The
 * copy of an extent tree is not followed: e2fsck cannot either, and drops such a journal.
 */
function backupInode({ superblock: { fields } }: ExtGeometry): Inode | null {
  const copiesBlockMap = 1;
  const block = fields.journalBackup.slice(0, 60);
  if (fields.journalBackupType !== copiesBlockMap || looksLikeExtents(block)) return null;
  const words = new DataView(fields.journalBackup.slice().buffer);
  return {
    number: fields.journalInode,
    offsetBytes: 0,
    isRegular: true,
    mapsBlocks: true,
    linksCount: 1,
    sizeBytes: words.getUint32(60, true) * 2 ** 32 + words.getUint32(64, true),
    flags: 0,
    generation: 0,
    attributeBlock: 0,
    block,
  };
}

async function internalJournal(
  reader: ByteReader,
  geometry: ExtGeometry,
  inode: Inode,
  note: string,
): Promise<JournalLocation> {
  const { blockBytes } = geometry;
  const blocks = Math.floor(inode.sizeBytes / blockBytes);
  const demand = (holds: boolean, what: string) => {
    if (holds) return;
    const { number, offsetBytes } = inode;
    throw new ParseError('CORRUPT', what, { structure: `journal inode ${number}`, offsetBytes });
  };
  demand(inode.isRegular && inode.linksCount > 0, 'is not a regular file in use');
  demand((inode.flags & inodeFlags.encrypted) === 0, 'is encrypted');
  demand(blocks >= minJournalBlocks, `has ${blocks} blocks, too few for a journal`);
  const map = await mapBlocks(reader, geometry, inode);
  const last = map.extents.at(-1);
  const mapped = last === undefined ? 0 : last.logical + last.blocks;
  demand(
    mapped * blockBytes >= inode.sizeBytes,
    `has ${inode.sizeBytes} bytes, but maps only ${mapped} blocks of ${blockBytes}`,
  );
  return {
    volume: {
      reader,
      blockBytes,
      extents: map.extents
        .filter(({ unwritten }) => !unwritten)
        .map(({ logical, physical, blocks: count }) => ({
          logBlock: logical,
          offsetBytes: physical * blockBytes,
          blocks: count,
        })),
    },
    blocks,
    superblockBlock: 0,
    external: false,
    ranges: rangesOf(map, blockBytes),
    note,
  };
}

function rangesOf(map: BlockMap, blockBytes: number): Extent[] {
  const data = map.extents.map(({ physical, blocks }) => ({
    start: physical * blockBytes,
    length: blocks * blockBytes,
  }));
  const nodes = map.nodes.map((block) => ({ start: block * blockBytes, length: blockBytes }));
  return [...data, ...nodes].sort((a, b) => a.start - b.start);
}

/** Finds the journal on a device of its own. Rejects with ParseError where it is not this file system's. */
export async function findExternalJournal(
  device: ByteReader,
  geometry: ExtGeometry,
): Promise<JournalLocation> {
  const superblock = await readSuperblock(device);
  const { fields } = superblock;
  if (!superblock.has('journal_dev')) {
    throw superblockError('CORRUPT', 'the device named as external journal does not hold one');
  }
  const uuid = uuidText(fields.uuid);
  const wanted = uuidText(geometry.superblock.fields.journalUuid);
  if (uuid !== wanted) {
    throw superblockError(
      'CORRUPT',
      `the external journal has UUID ${uuid ?? 'none'}, the file system wants ${wanted ?? 'none'}`,
    );
  }
  const { blockBytes, superblockBlock } = geometry;
  const high = superblock.has('64bit') ? fields.blocksCountHigh : 0;
  const blocks = high * 2 ** 32 + fields.blocksCountLow;
  return {
    volume: { reader: device, blockBytes, extents: [{ logBlock: 0, offsetBytes: 0, blocks }] },
    blocks,
    superblockBlock: superblockBlock + 1,
    external: true,
    ranges: [],
    note: 'on its own device',
  };
}
