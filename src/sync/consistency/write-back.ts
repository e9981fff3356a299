/** What programs wrote and the kernel still holds in memory: only on its way to the disk does the tracker see it. */

import { execa } from 'execa';
import { findFreezable, type VolumeIdentity } from '../../volume/index.js';

/**
 * Has the mounted file system write back what is dirty (syncfs), so that a round knows all of it: what
 * is left shows in the freeze, when everybody waits. Rejects as findFreezable() does. Whatever else
 * goes wrong is no matter: the freeze meets it again.
 */
export async function writeBack(volume: VolumeIdentity, signal: AbortSignal): Promise<void> {
  const { mounts } = await findFreezable(volume);
  for (const { namespaceRoot, directory } of mounts) {
    const sync = execa('sync', ['--file-system', `${namespaceRoot}${directory}`], {
      reject: false,
      stdio: 'ignore',
    });
    // In the kernel it cannot be killed: nobody waits for it who was told to stop.
    const gone = aborted(signal);
    const result = await Promise.race([sync, gone.promise]);
    gone.release();
    signal.throwIfAborted();
    if (result !== null && !result.failed) return;
  }
}

/** `release` ends the listening: a run that goes on for months must not gather listeners. */
function aborted(signal: AbortSignal): {
  readonly promise: Promise<null>;
  readonly release: () => void;
} {
  let stop: () => void = () => undefined;
  const promise = new Promise<null>((resolve) => {
    stop = () => {
      resolve(null);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });
  return {
    promise,
    release: () => {
      signal.removeEventListener('abort', stop);
    },
  };
}
