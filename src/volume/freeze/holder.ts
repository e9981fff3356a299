/** Who holds a file system frozen, as far as it is a run of ours: that will end by itself, and soon. */

import { mountIdOf, parentOf, pids, processName } from '../host/processes.js';
import type { Freezable } from './freezable.js';

/** As the kernel shortens the name of fastsync-freezer. */
const programName = 'fastsync-freeze';
/** The descriptor that the program is given (native/freezer/filesystem.h). */
const filesystemFd = 3;

/**
 * The run of fastsync that freezes that file system just now, or is about to: its process; null if there
 * is none. Looks at what /proc says, and touches no file system.
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
