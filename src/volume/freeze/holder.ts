/** Who holds a file system frozen, as far as it is a run of ours: that will end by itself, and soon. */

import { readdir, readFile } from 'node:fs/promises';
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
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const name = await textOf(`/proc/${pid}/comm`);
    if (name.trimEnd() !== programName || Number(pid) === process.pid) continue;
    const info = await textOf(`/proc/${pid}/fdinfo/${filesystemFd}`);
    if (!ids.has(Number(/^mnt_id:\s*(\d+)/m.exec(info)?.[1]))) continue;
    const status = await textOf(`/proc/${pid}/status`);
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    // Of watchdog and standby, the watchdog is the run's child.
    if ((await textOf(`/proc/${parent}/comm`)).trimEnd() !== programName) return parent;
  }
  return null;
}

function textOf(file: string): Promise<string> {
  // Whoever ended meanwhile freezes nothing.
  return readFile(file, 'utf8').catch(() => '');
}
