/** What ends a run: not the end of its terminal where it was started under nohup(1), which promises that. */

import { constants, readFileSync, readlinkSync } from 'node:fs';

/**
 * Node forgets that it was started with SIGHUP ignored. But nohup leaves a trace: where the input was a
 * terminal it is /dev/null now, opened to be written.
 */
function isUnderNohup(): boolean {
  try {
    if (readlinkSync('/proc/self/fd/0') !== '/dev/null') return false;
    const [, flags = ''] =
      /^flags:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8')) ?? [];
    return (Number.parseInt(flags, 8) & accessMode) === constants.O_WRONLY;
  } catch {
    return false;
  }
}

const accessMode = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR;

const isIgnored = isUnderNohup();

/** The signals that end a run. */
export const endingSignals: readonly NodeJS.Signals[] = isIgnored
  ? ['SIGINT', 'SIGTERM']
  : ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** From now on a hang-up does nothing, where nobody is to hear it. */
export function ignoreHangups(): void {
  if (!isIgnored) return;
  process.removeAllListeners('SIGHUP');
  process.on('SIGHUP', () => undefined);
}

/** `watch` takes over whatever this process listens to, and must not find that. */
export function withoutHangups(watch: () => void): void {
  if (isIgnored) process.removeAllListeners('SIGHUP');
  watch();
  ignoreHangups();
}
