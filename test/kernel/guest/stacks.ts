/** Block devices of every kind, set up for one test. */

import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { attachLoop, type Owner, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { disks, smallBytes } from './disks.js';

export interface Stack {
  /** What is written to. */
  readonly top: string;
  /** What it stands on. */
  readonly lower: readonly string[];
  /** Writes whatever the stack itself holds back. */
  readonly settle: () => Promise<unknown>;
}

const nothing = () => Promise.resolve();
const withoutUdev = ['--noudevrules', '--noudevsync'];

export async function sectorsOf(device: string): Promise<number> {
  return Number((await execa('blockdev', ['--getsz', device])).stdout);
}

/** A device-mapper device until the owner ends; `table` as in dmsetup(8). */
export async function mapped(owner: Owner, name: string, table: string): Promise<string> {
  await execa('dmsetup', ['create', name, ...withoutUdev, '--table', table]);
  const link = `/dev/mapper/${name}`;
  owner.teardown(async () => {
    await rm(link);
    // On a busy machine whoever had it open a moment ago may not be gone yet.
    await execa('dmsetup', ['remove', '--retry', ...withoutUdev, name]);
  });
  // As udev would, which does not run in a guest.
  const question = ['info', '--columns', '--noheadings', '-o', 'blkdevname', name];
  await symlink(`../${(await execa('dmsetup', question)).stdout}`, link);
  return link;
}

export async function linear(owner: Owner, disk: string = disks.small): Promise<Stack> {
  // In two pieces, the second one first: no sector is where it is below.
  const sectors = await sectorsOf(disk);
  const half = sectors / 2;
  const table = `0 ${half} linear ${disk} ${half}\n${half} ${half} linear ${disk} 0`;
  const top = await mapped(owner, 'lab-linear', table);
  return { top, lower: [disk], settle: nothing };
}

export async function crypt(owner: Owner, disk: string = disks.small): Promise<Stack> {
  const key = '00112233445566778899aabbccddeeff'.repeat(2);
  const cipher = `crypt aes-xts-plain64 ${key} 0 ${disk} 0 1 allow_discards`;
  const top = await mapped(owner, 'lab-crypt', `0 ${await sectorsOf(disk)} ${cipher}`);
  return { top, lower: [disk], settle: nothing };
}

/** A thin volume as large as its pool; the pool's own notes are on the other disk. */
export async function thin(owner: Owner): Promise<Stack> {
  const [data, notes] = [disks.small, disks.otherSmall];
  await execa('dd', ['if=/dev/zero', `of=${notes}`, 'bs=4K', 'count=1', 'oflag=direct']);
  const sectors = await sectorsOf(data);
  const pool = await mapped(owner, 'lab-pool', `0 ${sectors} thin-pool ${notes} ${data} 128 0`);
  await execa('dmsetup', ['message', path.basename(pool), '0', 'create_thin 0']);
  const top = await mapped(owner, 'lab-thin', `0 ${sectors} thin ${pool} 0`);
  const settle = async () => {
    // Suspending commits what the pool has noted.
    await execa('dmsetup', ['suspend', ...withoutUdev, path.basename(pool)]);
    await execa('dmsetup', ['resume', ...withoutUdev, path.basename(pool)]);
  };
  return { top, lower: [data, notes], settle };
}

export function virtio(): Promise<Stack> {
  return Promise.resolve({ top: disks.small, lower: [], settle: nothing });
}

/** The second one, which begins at an odd sector. */
export async function partition(owner: Owner): Promise<Stack> {
  const script = 'label: gpt\nstart=2048,size=2048\nstart=5001,size=50003\n';
  await execa('sfdisk', ['--quiet', disks.small], { input: script });
  owner.teardown(() => execa('sfdisk', ['--delete', disks.small], { reject: false }));
  return { top: `${disks.small}2`, lower: [disks.small], settle: nothing };
}

export async function loop(owner: Owner): Promise<Stack> {
  await execa('modprobe', ['loop']);
  const image = path.join(await scratchDirectory(owner), 'image');
  await sparseFile(image, smallBytes);
  return { top: await attachLoop(owner, image), lower: [], settle: nothing };
}

export async function brd(owner: Owner): Promise<Stack> {
  await execa('modprobe', ['brd', 'rd_nr=1', `rd_size=${smallBytes / 1024}`]);
  owner.teardown(() => execa('modprobe', ['--remove', 'brd']));
  return { top: '/dev/ram0', lower: [], settle: nothing };
}

export async function zram(owner: Owner): Promise<Stack> {
  await execa('modprobe', ['zram', 'num_devices=0']);
  const number = (await readFile('/sys/class/zram-control/hot_add', 'utf8')).trim();
  owner.teardown(() => writeFile('/sys/class/zram-control/hot_remove', number));
  await writeFile(`/sys/block/zram${number}/disksize`, String(smallBytes));
  return { top: `/dev/zram${number}`, lower: [], settle: nothing };
}

export async function nvme(): Promise<Stack> {
  await execa('modprobe', ['nvme']);
  await appeared(disks.nvme);
  return { top: disks.nvme, lower: [], settle: nothing };
}

export async function scsi(): Promise<Stack> {
  await execa('modprobe', ['--all', 'virtio_scsi', 'sd_mod']);
  await appeared(disks.scsi);
  return { top: disks.scsi, lower: [], settle: nothing };
}

/** A driver looks for its disks in the background. */
async function appeared(device: string): Promise<void> {
  while ((await sectorsOf(device).catch(() => 0)) === 0) await sleep(20);
}

/** With a bitmap of what may not be in sync, which md writes some time after the data. */
export async function raid1(owner: Owner): Promise<Stack> {
  // Alike, and so in sync: md syncs slowly where somebody else reads.
  for (const leg of legs) await execa('blkdiscard', ['--zeroout', leg]);
  const top = await array(owner, '1', ['--assume-clean', '--bitmap=internal', '--delay=1']);
  const settle = async () => {
    for (const leg of legs) {
      while (!(await isAtRest(leg))) await sleep(50);
    }
  };
  return { top, lower: [disks.small], settle };
}

export async function raid0(owner: Owner): Promise<Stack> {
  return { top: await array(owner, '0'), lower: [], settle: nothing };
}

const legs = [disks.small, disks.otherSmall] as const;

async function array(owner: Owner, level: string, options: string[] = []): Promise<string> {
  const device = '/dev/md0';
  await execa('modprobe', ['--all', 'md_mod', `raid${level}`]);
  const words = ['--create', device, '--run', `--level=${level}`, '--raid-devices=2', ...options];
  await execa('mdadm', [...words, ...legs]);
  owner.teardown(async () => {
    await execa('mdadm', ['--stop', device]);
    await execa('mdadm', ['--zero-superblock', ...legs]);
  });
  return device;
}

/** Whether the array's own notes on it say that nothing is under way. */
async function isAtRest(leg: string): Promise<boolean> {
  const { stdout: state } = await execa('mdadm', ['--examine', leg]);
  const { stdout: bitmap } = await execa('mdadm', ['--examine-bitmap', leg]);
  return /State : clean$/m.test(state) && bitmap.includes(', 0 dirty ');
}
