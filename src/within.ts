/** A time limit for a promise that may never resolve. */

import type { ChildProcess } from 'node:child_process';

/** The result of the promise; null if the time is up first, then its result is ignored. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      resolve(null);
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Detaches a process that may be impossible to kill, so that nothing waits for it. */
export function abandon(child: ChildProcess): void {
  child.kill('SIGKILL');
  child.unref();
  for (const stream of child.stdio) stream?.destroy();
}
