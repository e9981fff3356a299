/** Failures that came from the kernel, shaped like Node's own. */

import { getSystemErrorMap } from 'node:util';

import { exitCodes, FastsyncError } from '../errors.js';
import type { IoFailure } from './types.js';

const sentences: Readonly<Record<string, string>> = {
  verify: 'what was read back is not what was written',
  io_uring_setup: 'io_uring is not available',
};

function nameOf(errno: number): readonly [code: string, text: string] {
  const known = getSystemErrorMap().get(-errno);
  return known ?? [`E${errno}`, `error ${errno}`];
}

/** One sentence on what failed where. `sideName` is what the user calls that volume. */
export function describeFailure(
  failure: IoFailure,
  sideName = failure.side === 'source' ? 'the source' : `target ${failure.side + 1}`,
): string {
  const [code, text] = nameOf(failure.errno);
  const place =
    failure.lengthBytes === 0
      ? ''
      : ` at byte ${failure.offsetBytes}, ${failure.lengthBytes} bytes`;
  const what = sentences[failure.syscall];
  return what === undefined
    ? `${failure.syscall} failed on ${sideName}${place}: ${text} (${code})`
    : `${what} (${sideName}${place})`;
}

/** An I/O error that ended a job. `code`, `errno` and `syscall` are as Node's errors have them. */
export class EngineError extends FastsyncError {
  override readonly name = 'EngineError';
  /** Negative, as in Node. */
  readonly errno: number;
  readonly syscall: string;
  readonly side: IoFailure['side'];
  readonly offsetBytes: number;
  readonly lengthBytes: number;

  constructor(failure: IoFailure) {
    super({
      code: nameOf(failure.errno)[0],
      exitCode: exitCodes.incomplete,
      message: describeFailure(failure),
    });
    this.errno = -failure.errno;
    this.syscall = failure.syscall;
    this.side = failure.side;
    this.offsetBytes = failure.offsetBytes;
    this.lengthBytes = failure.lengthBytes;
  }
}
