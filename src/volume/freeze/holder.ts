/** Which run of fastsync keeps a file system frozen: that freeze ends by itself, and soon. */

import { mountIdOf, parentOf, pids, processName } from '../host/processes.js';
import type { Freezable } from './freezable.js';

/** fastsync-freezer, truncated by the kernel. */
const programName = 'fastsync-freeze';
/** The descriptor that the program gets (native/freezer/filesystem.h). */
const filesystemFd = 3;

/**
 * The process of the run of fastsync that has the file system frozen or is about to freeze it; null if
 * there is none. Reads /proc only, and accesses no file system.
 */
export async function freezingRun({ mounts }: Freezable): Promise<number | null> {
  const ids = new Set(mounts.map(({ id }) => id));
  for (const pid of await pids()) {
    if (pid === process.pid || (await processName(pid)) !== programName) continue;
    if (!ids.has(await mountIdOf(pid, filesystemFd))) continue;
    const parent = await parentOf(pid);
    // The watchdog is the run's child, the standby is the watchdog's.
    if ((await processName(parent)) !== programName) return parent;
  }
  return null;
}
