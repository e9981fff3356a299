/** A limit on what may never come. */

import type { ChildProcess } from 'node:child_process';

/** What the promise gives; null, and nobody listens to it any more, when the time is up before. */
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

/** Leaves a process to itself that may be past killing: nothing of ours waits for it. */
export function abandon(child: ChildProcess): void {
  child.kill('SIGKILL');
  child.unref();
  for (const stream of child.stdio) stream?.destroy();
}
