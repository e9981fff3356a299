/**
 * Multiple mount protection: the block that a host with the ext4 file system mounted updates every few
 * seconds. Sources: Linux fs/ext4/mmp.c, fs/ext4/ext4.h (struct mmp_struct).
 */

import { crc32c } from '../checksum.js';
import { ParseError } from '../errors.js';
import { layout } from '../layout.js';
import { readStructure, type ByteReader } from '../reader.js';
import { checksumSeedOf, labelText, readSuperblock } from './superblock.js';

const mmpLayout = layout('little', {
  magic: [0, 'u32'],
  sequence: [4, 'u32'],
  time: [8, 'u64'],
  nodeName: [16, 'bytes:64'],
  deviceName: [80, 'bytes:32'],
  checkInterval: [112, 'u16'],
  checksum: [1020, 'u32'],
});

const magic = 0x004d4d50;
const sequences = { clean: 0xff4d4d50, fsck: 0xe24d4d50 } as const;
const leastCheckSeconds = 5;

export interface Mmp {
  /** The block, in bytes on the volume. */
  readonly start: number;
  readonly length: number;
  /** `active`: mounted, or not cleanly unmounted; the sequence of one that is mounted goes on changing. */
  readonly state: 'clean' | 'fsck' | 'active';
  readonly sequence: number;
  readonly nodeName: string | null;
  readonly deviceName: string | null;
  /** Seconds since 1970, by the clock of whoever wrote it. */
  readonly time: number;
  /** As long as a kernel waits for a change before it mounts. */
  readonly waitSeconds: number;
}

/** Null if there is no ext4 with the feature, or its block is invalid: then nobody can have it mounted. */
export async function readMmp(reader: ByteReader): Promise<Mmp | null> {
  try {
    const superblock = await readSuperblock(reader);
    if (!superblock.has('mmp')) return null;
    const { mmpBlock, logBlockSize, mmpUpdateInterval } = superblock.fields;
    if (logBlockSize > 6) return null;
    const length = 1024 << logBlockSize;
    const start = mmpBlock * length;
    const bytes = await readStructure(reader, 'MMP block', start, length);
    const block = mmpLayout.decode(bytes);
    if (block.magic !== magic) return null;
    if (superblock.has('metadata_csum')) {
      const [checksumAt] = mmpLayout.fields.checksum;
      const sum = crc32c(checksumSeedOf(superblock), bytes.subarray(0, checksumAt));
      if (sum !== block.checksum) return null;
    }
    const interval = Math.max(leastCheckSeconds, mmpUpdateInterval, block.checkInterval);
    return {
      start,
      length,
      state: stateOf(block.sequence),
      sequence: block.sequence,
      nodeName: labelText(block.nodeName),
      deviceName: labelText(block.deviceName),
      time: block.time,
      waitSeconds: Math.min(2 * interval + 1, interval + 60),
    };
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

function stateOf(sequence: number): Mmp['state'] {
  if (sequence === sequences.clean) return 'clean';
  return sequence === sequences.fsck ? 'fsck' : 'active';
}
