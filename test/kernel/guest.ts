/** Boots a kernel in QEMU, without the processor's help: works wherever the host's kernel does not. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { sparseFile } from '../support/scratch.js';
import { makeInitramfs } from './initramfs.js';
import type { Kernel } from './kernels.js';

export interface GuestDisk {
  readonly bus: 'virtio' | 'nvme' | 'scsi';
  readonly bytes: number;
}

export interface GuestRequest {
  readonly kernel: Kernel;
  /** An empty directory for everything that belongs to the guest. */
  readonly scratch: string;
  /** Run by bash as root; finds `/share`, the disks, and the host's files. */
  readonly script: string;
  readonly disks: readonly GuestDisk[];
  /** A guest that takes longer hangs. */
  readonly limitMs: number;
}

export interface GuestResult {
  /** The script's; null if the guest did not get to its end. */
  readonly exitCode: number | null;
  /** Why not, as a sentence. */
  readonly reason: string | null;
  /** What the kernel and the script said. */
  readonly console: string;
  /** The directory that the guest sees as /share. */
  readonly share: string;
}

const memoryMebibytes = 3072;

/** Rejects if there is no QEMU that could be started, not for what happens inside. */
export async function runGuest(request: GuestRequest): Promise<GuestResult> {
  const { kernel, scratch, script, limitMs } = request;
  const share = path.join(scratch, 'share');
  await mkdir(share);
  await writeFile(path.join(share, 'run'), script);
  await mkdir(path.join(scratch, 'boot'));
  const initramfs = await makeInitramfs(kernel, path.join(scratch, 'boot'));
  const disks = await Promise.all(
    request.disks.map(async ({ bus, bytes }, index) => {
      const file = await sparseFile(path.join(scratch, `disk${index}`), bytes);
      return disk(bus, file, index);
    }),
  );
  const words = [
    ...machine,
    ...['-kernel', kernel.image, '-initrd', initramfs],
    ...['-append', `${commandLine} modules=${kernel.modules}`],
    ...shared('host', '/', 'readonly=on,'),
    ...shared('share', share, ''),
    ...disks.flat(),
  ];
  const {
    all,
    timedOut,
    exitCode: ended,
    shortMessage,
  } = await execa('qemu-system-x86_64', words, {
    all: true,
    reject: false,
    stdin: 'ignore',
    timeout: limitMs,
  });
  if (ended === undefined && !timedOut) throw new Error(shortMessage);
  const text = await readFile(path.join(share, 'exit-code'), 'utf8').catch(() => '');
  const exitCode = /^\d+\n$/.test(text) ? Number(text) : null;
  return { exitCode, reason: reasonOf(exitCode, all, timedOut, limitMs), console: all, share };
}

function reasonOf(exitCode: number | null, said: string, timedOut: boolean, limitMs: number) {
  if (exitCode !== null) return null;
  if (timedOut) return `the guest did not come to its end within ${limitMs / 60_000} minutes`;
  if (/Kernel panic|Oops:|BUG:/.test(said)) return "the guest's kernel crashed";
  return 'the guest ended before its script did';
}

/**
 * One thread for both processors: with a thread each, QEMU 7.2 may go on with an instruction that the
 * other processor has patched away, and kernels patch themselves whenever a tracepoint is switched
 * ("Oops: int3").
 */
const machine = [
  ...['-accel', 'tcg,thread=single,tb-size=512', '-machine', 'q35', '-cpu', 'max', '-smp', '2'],
  ...['-m', String(memoryMebibytes), '-nodefaults', '-display', 'none', '-serial', 'stdio'],
  ...['-no-reboot', '-device', 'virtio-rng-pci'],
];

/**
 * A panic, or an oops, ends the guest at once. The timer is not checked: on a busy machine an emulated one
 * may be late, which kernels take for a broken one. The rest is for speed.
 */
const commandLine =
  'console=ttyS0 quiet oops=panic panic=-1 no_timer_check mitigations=off nokaslr audit=0 random.trust_cpu=on';

function shared(tag: string, directory: string, options: string): string[] {
  const source = `local,id=${tag},path=${directory},${options}security_model=none,multidevs=remap`;
  return ['-fsdev', source, '-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`];
}

/** Nothing of it outlives the guest, so nothing need be flushed. */
function disk(bus: GuestDisk['bus'], file: string, index: number): string[] {
  const id = `disk${index}`;
  const drive = `if=none,id=${id},file=${file},format=raw,cache=unsafe,discard=unmap`;
  const devices = {
    virtio: [`virtio-blk-pci,drive=${id}`],
    nvme: [`nvme,drive=${id},serial=${id}`],
    scsi: [`virtio-scsi-pci,id=bus${index}`, `scsi-hd,drive=${id},bus=bus${index}.0`],
  };
  return ['-drive', drive, ...devices[bus].flatMap((device) => ['-device', device])];
}
