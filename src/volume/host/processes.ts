/** Processes of this host, and the files that they have open, as /proc shows them (proc(5)). */

import { readdir, readFile, readlink } from 'node:fs/promises';

/**
 * When a process began, in clock ticks since boot: field 22 of proc_pid_stat(5). A later process with
 * the same pid began at another time. Null if there is no such process.
 */
export async function processStart(pid: number): Promise<string | null> {
  const text = await textOf(`/proc/${pid}/stat`);
  // The name in parentheses may hold blanks and parentheses; the fields after it do not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[22 - 3] ?? null;
}

/** The first digits of this boot's id; empty where the kernel does not say. */
export async function bootId(): Promise<string> {
  return (await textOf('/proc/sys/kernel/random/boot_id')).slice(0, 8);
}

/** Every process that runs now. */
export async function pids(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The name that `ps -o comm` shows; empty if the process is gone. */
export async function processName(pid: number): Promise<string> {
  return (await textOf(`/proc/${pid}/comm`)).trimEnd();
}

/** NaN if the process is gone. */
export async function parentOf(pid: number): Promise<number> {
  return Number(/^PPid:\s*(\d+)/m.exec(await textOf(`/proc/${pid}/status`))?.[1]);
}

/** The kernel's number of the mount that an open file lies on; NaN if it is not open. */
export async function mountIdOf(pid: number | 'self', fd: number): Promise<number> {
  return Number(/^mnt_id:\s*(\d+)/m.exec(await textOf(`/proc/${pid}/fdinfo/${fd}`))?.[1]);
}

/** The path of a file that this process has open, as the kernel has it; empty if it has none. */
export async function pathOfOpenFile(fd: number): Promise<string> {
  const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '');
  return target.startsWith('/') ? target.replace(/ \(deleted\)$/, '') : '';
}

function textOf(file: string): Promise<string> {
  // A process that has ended has nothing open.
  return readFile(file, 'utf8').catch(() => '');
}
