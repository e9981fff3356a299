/** Makes the kernel write back cached data: the tracker sees a write only when it goes to the disk. */

import { execa } from 'execa';
import { findFreezable, type VolumeIdentity } from '../../volume/index.js';

/**
 * Makes the mounted file system write back its dirty pages (syncfs), so that a round sees all of them;
 * otherwise they would be written during the freeze, while programs wait. Rejects as findFreezable()
 * does. It ignores other failures: the freeze will meet them again.
 */
export async function writeBack(volume: VolumeIdentity, signal: AbortSignal): Promise<void> {
  const { mounts } = await findFreezable(volume);
  for (const { namespaceRoot, directory } of mounts) {
    const sync = execa('sync', ['--file-system', `${namespaceRoot}${directory}`], {
      reject: false,
      stdio: 'ignore',
    });
    // The call cannot be interrupted inside the kernel, so a run that is told to stop does not wait
    // for it.
    const gone = aborted(signal);
    const result = await Promise.race([sync, gone.promise]);
    gone.release();
    signal.throwIfAborted();
    if (result !== null && !result.failed) return;
  }
}

/** `release` removes the listener: a run that lasts for months must not accumulate them. */
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
