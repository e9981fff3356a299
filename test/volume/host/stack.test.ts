/** Stacks that this machine need not have, device-mapper, MD, bcache, multipath: laid out as sysfs shows them. */

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { surveyUsage } from '../../../src/volume/host/usage.js';
import type { UsageSurvey } from '../../../src/volume/usage.js';
import { scratchDirectory } from '../../support/scratch.js';

const gibibyte = 1024 ** 3;

interface Device {
  readonly number: string;
  readonly sizeBytes?: number;
  /** For a partition: its disk's name, and where on it. */
  readonly on?: readonly [disk: string, startBytes: number];
  readonly slaves?: readonly string[];
  readonly dm?: readonly [name: string, uuid: string];
  readonly wwid?: string;
}

type Machine = Readonly<Record<string, Device>>;

async function attribute(directory: string, name: string, value: string | number): Promise<void> {
  const file = path.join(directory, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${value}\n`);
}

/** Lays out sysfs and proc, with the mounts of one process, and surveys them. */
async function survey(
  t: ExecutionContext,
  machine: Machine,
  mountinfo: readonly string[] = [],
): Promise<UsageSurvey> {
  const root = await scratchDirectory(t);
  const sys = path.join(root, 'sys');
  const proc = path.join(root, 'proc');
  await mkdir(path.join(sys, 'class/block'), { recursive: true });
  await mkdir(path.join(sys, 'dev/block'), { recursive: true });
  for (const [name, device] of Object.entries(machine)) {
    const directory = path.join(sys, 'devices', device.on?.[0] ?? '', name);
    await attribute(directory, 'dev', device.number);
    await attribute(directory, 'size', (device.sizeBytes ?? gibibyte) / 512);
    if (device.on !== undefined) {
      await attribute(directory, 'partition', 1);
      await attribute(directory, 'start', device.on[1] / 512);
    }
    if (device.dm !== undefined) {
      await attribute(directory, 'dm/name', device.dm[0]);
      await attribute(directory, 'dm/uuid', device.dm[1]);
    }
    if (device.wwid !== undefined) await attribute(directory, 'device/wwid', device.wwid);
    for (const slave of device.slaves ?? [])
      await mkdir(path.join(directory, 'slaves', slave), { recursive: true });
    await symlink(directory, path.join(sys, 'class/block', name));
    await symlink(directory, path.join(sys, 'dev/block', device.number));
  }
  await mkdir(path.join(proc, '1/ns'), { recursive: true });
  await symlink('mnt:[1]', path.join(proc, '1/ns/mnt'));
  await writeFile(path.join(proc, '1/mountinfo'), `${mountinfo.join('\n')}\n`);
  return surveyUsage([], { sys, proc, dev: path.join(root, 'dev') });
}

function volume(machine: Machine, name: string) {
  const file = `/dev/${name}`;
  return { node: `block:${machine[name]?.number ?? ''}`, path: file, realPath: file } as const;
}

/** A mount as a line of mountinfo. */
function mount(number: string, directory: string, options = 'rw'): string {
  return `30 1 ${number} / ${directory} ${options},relatime - ext4 /dev/x ${options}`;
}

/** Two disks; a volume group over a partition of one and the whole of the other. */
const lvm: Machine = {
  sda: { number: '8:0', sizeBytes: 8 * gibibyte },
  sda1: { number: '8:1', on: ['sda', gibibyte] },
  sda2: { number: '8:2', on: ['sda', 2 * gibibyte] },
  sdb: { number: '8:16', sizeBytes: 8 * gibibyte },
  'dm-0': { number: '254:0', slaves: ['sda2', 'sdb'], dm: ['vg-data', 'LVM-abcdef'] },
  'dm-1': { number: '254:1', slaves: ['sda2'], dm: ['vg-spare', 'LVM-abcdeg'] },
};

test('two logical volumes of one group are apart, each is part of its disks', async (t) => {
  const machine = await survey(t, lvm);
  const share = (a: string, b: string) => machine.share(volume(lvm, a), volume(lvm, b));
  t.false(await share('dm-0', 'dm-1'));
  for (const below of ['sda2', 'sda', 'sdb']) t.true(await share('dm-0', below), below);
  t.false(await share('dm-0', 'sda1'));
  t.false(await share('dm-1', 'sdb'));
});

test('a mounted logical volume makes its partition and its disks busy, and nothing beside it', async (t) => {
  const machine = await survey(t, lvm, [mount('254:0', '/srv')]);
  const mountsOf = async (name: string) =>
    (await machine.usageOf(volume(lvm, name))).mounts.map(({ by, directory }) => [by, directory]);
  t.deepEqual(await mountsOf('dm-0'), [['/dev/dm-0', '/srv']]);
  for (const below of ['sda2', 'sda', 'sdb']) {
    t.deepEqual(await mountsOf(below), [['/dev/mapper/vg-data', '/srv']]);
  }
  t.deepEqual(await mountsOf('dm-1'), []);
  t.deepEqual(await mountsOf('sda1'), []);
});

test('a device is held by what stands on it, mounted or not', async (t) => {
  const machine = await survey(t, lvm);
  const holders = async (name: string) => (await machine.usageOf(volume(lvm, name))).holders;
  t.deepEqual(await holders('sda2'), ['/dev/mapper/vg-data', '/dev/mapper/vg-spare']);
  t.deepEqual(await holders('sdb'), ['/dev/mapper/vg-data']);
  t.deepEqual(await holders('sda1'), []);
  t.deepEqual(await holders('dm-0'), []);
});

test('encryption and MD take what is below them whole', async (t) => {
  const stack: Machine = {
    sda: { number: '8:0' },
    sdb: { number: '8:16' },
    md0: { number: '9:0', slaves: ['sda', 'sdb'] },
    'dm-0': { number: '254:0', slaves: ['md0'], dm: ['secret', 'CRYPT-LUKS2-1'] },
    'dm-1': { number: '254:1', slaves: ['md0'], dm: ['again', 'CRYPT-PLAIN-2'] },
  };
  const machine = await survey(t, stack, [mount('254:0', '/secret', 'ro')]);
  for (const name of ['md0', 'sda', 'sdb']) {
    const usage = await machine.usageOf(volume(stack, name));
    t.is(usage.mounts[0]?.readOnly, true, name);
    t.true(await machine.share(volume(stack, name), volume(stack, 'dm-0')));
  }
  t.true(await machine.share(volume(stack, 'dm-0'), volume(stack, 'dm-1')));
  t.false(await machine.share(volume(stack, 'sda'), volume(stack, 'sdb')));
});

test('a disk on two paths is one disk, by its hardware name', async (t) => {
  const stack: Machine = {
    sda: { number: '8:0', wwid: 'naa.5000c5000000001', sizeBytes: 8 * gibibyte },
    sdb: { number: '8:16', wwid: 'naa.5000c5000000001', sizeBytes: 8 * gibibyte },
    sdb1: { number: '8:17', on: ['sdb', gibibyte] },
    sdc: { number: '8:32', wwid: 'naa.5000c5000000002' },
    'dm-0': { number: '254:0', slaves: ['sda', 'sdb'], dm: ['mpatha', 'mpath-1'] },
    'dm-1': { number: '254:1', slaves: ['dm-0'], dm: ['mpatha-part1', 'part1-mpath-1'] },
    'dm-2': { number: '254:2', slaves: ['dm-0'], dm: ['mpatha-part2', 'part2-mpath-1'] },
  };
  const machine = await survey(t, stack);
  const share = (a: string, b: string) => machine.share(volume(stack, a), volume(stack, b));
  t.true(await share('sda', 'sdb'));
  t.true(await share('sda', 'sdb1'));
  t.false(await share('sda', 'sdc'));
  t.true(await share('dm-0', 'sdb'));
  t.true(await share('dm-1', 'dm-0'));
  t.false(await share('dm-1', 'dm-2'));
});

test('two bcache devices that share their cache are apart, but not from it', async (t) => {
  const stack: Machine = {
    sda: { number: '8:0' },
    sdb: { number: '8:16' },
    nvme0n1: { number: '259:0' },
    bcache0: { number: '252:0', slaves: ['sda', 'nvme0n1'] },
    bcache16: { number: '252:16', slaves: ['sdb', 'nvme0n1'] },
  };
  const machine = await survey(t, stack);
  const share = (a: string, b: string) => machine.share(volume(stack, a), volume(stack, b));
  t.false(await share('bcache0', 'bcache16'));
  t.true(await share('bcache0', 'nvme0n1'));
  t.true(await share('bcache0', 'sda'));
  t.false(await share('bcache0', 'sdb'));
});

test('a stack that seems to stand on itself comes to an end', async (t) => {
  const stack: Machine = {
    'dm-0': { number: '254:0', slaves: ['dm-1'], dm: ['a', 'x'] },
    'dm-1': { number: '254:1', slaves: ['dm-0'], dm: ['b', 'y'] },
  };
  const machine = await survey(t, stack);
  t.true(await machine.share(volume(stack, 'dm-0'), volume(stack, 'dm-1')));
});
