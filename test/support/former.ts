/** What a disk of an earlier life carries: signatures laid out where their owners put them, and who judges that. */

import { open } from 'node:fs/promises';
import { execa } from 'execa';
import { crc32Raw } from '../../fsparsers/checksum.js';
import { md0Place, mdSuperblock0, mdSuperblock1 } from './md-superblock.js';

/** Four labels of a pool, as far as tools go by them: the name-value pairs' header and uberblocks. */
function zfsLabel(): Buffer {
  const bytes = Buffer.alloc(256 * 1024);
  bytes.set([1, 1, 0, 0], 16 * 1024);
  for (let at = 128 * 1024; at < bytes.length; at += 1024) {
    bytes.writeBigUInt64LE(0x00bab10cn, at);
    bytes.writeBigUInt64LE(5000n, at + 8);
  }
  return bytes;
}

/** A label of LVM (lib/label/label.h) with the header of a physical volume behind it. */
function lvmLabel(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write('LABELONE', 0, 'latin1');
  bytes.writeBigUInt64LE(1n, 8);
  bytes.writeUInt32LE(32, 20);
  bytes.write('LVM2 001', 24, 'latin1');
  bytes.write('0123456789abcdefghijklmnopqrstuv', 32, 'latin1');
  bytes.writeBigUInt64LE(BigInt(sizeBytes), 64);
  bytes.writeUInt32LE(crc32Raw(0xf597a6cf, bytes.subarray(20)), 16);
  return bytes;
}

async function write(file: string, at: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, at);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export type Former = (file: string, sizeBytes: number) => Promise<unknown>;

/** Lives that a disk may have had; the first word is what blkid calls them. */
export const formerLives: Readonly<Record<string, Former>> = {
  linux_raid_member(file, sizeBytes) {
    const at = Math.floor(sizeBytes / 4096) * 4096 - 8192;
    return write(file, at, mdSuperblock1(at / 512));
  },
  'linux_raid_member 0.90': (file, sizeBytes) => write(file, md0Place(sizeBytes), mdSuperblock0()),
  LVM2_member: (file, sizeBytes) => write(file, 512, lvmLabel(sizeBytes)),
  gpt: (file) => execa('sgdisk', ['--new=1:2048:+4M', file]),
  async zfs_member(file, sizeBytes) {
    const end = Math.floor(sizeBytes / 262144) * 262144;
    for (const at of [0, 262144, end - 524288, end - 262144]) await write(file, at, zfsLabel());
  },
  drbd: (file) =>
    execa('drbdmeta', ['--force', '0', 'v08', file, 'internal', 'create-md'], { reject: false }),
  isw_raid_member(file, sizeBytes) {
    const bytes = Buffer.alloc(512);
    bytes.write('Intel Raid ISM Cfg Sig. 1.3.00', 'latin1');
    return write(file, sizeBytes - 1024, bytes);
  },
};

/** What the tools take a volume for, by every signature that they find, wherever it lies. */
export async function takenFor(file: string): Promise<string> {
  const { stdout: probed } = await execa('blkid', ['-p', '-o', 'export', file], { reject: false });
  const { stdout: listed } = await execa('wipefs', [
    '--no-act',
    '--noheadings',
    '--output=TYPE,OFFSET,UUID,LABEL',
    file,
  ]);
  const { exitCode: isMember } = await execa('mdadm', ['--examine', file], { reject: false });
  const own = probed.split('\n').filter((line) => !line.startsWith('DEVNAME='));
  return [...own, listed, `mdadm ${isMember}`].join('\n');
}
