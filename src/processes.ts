/** Tells one process from another that was given the same pid later, or after another boot. */

import { readFile } from 'node:fs/promises';

/**
 * When a process began, in clock ticks since boot: proc_pid_stat(5), field 22. With it a pid that was
 * given out again is told from the one that was noted. Null if there is no such process.
 */
export async function processStart(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold blanks and parentheses; the fields after it do not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[22 - 3] ?? null;
}

/** The first digits of this boot's id; empty where the kernel does not say. */
export async function bootId(): Promise<string> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return text.slice(0, 8);
}
