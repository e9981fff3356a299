/** Failures that came from the kernel, shaped like Node's own. */

import { exitCodes, FastsyncError } from '../errors.js';
import { systemError } from '../system-errors.js';
import type { IoFailure } from './types.js';

// Node's table has one word for two errors here, and it speaks of sockets.
const notSupported = 95;

function nameOf(errno: number): readonly [code: string, text: string] {
  if (errno === notSupported) return ['ENOTSUP', 'operation not supported'];
  return systemError(errno);
}

/** One sentence on what failed where. `sideName` is what the user calls that volume. */
export function describeFailure(
  { errno, syscall, side, offsetBytes, lengthBytes }: IoFailure,
  sideName = side === 'source' ? 'the source' : `target ${side + 1}`,
): string {
  const [code, text] = nameOf(errno);
  if (syscall === 'link') return describeLink(code, text, sideName);
  if (syscall === 'io_uring_setup') return `io_uring is not available here: ${text} (${code})`;
  const place = lengthBytes === 0 ? '' : ` at byte ${offsetBytes}, ${lengthBytes} bytes`;
  return syscall === 'verify'
    ? `the data read back differs from the data written (${sideName}${place})`
    : `${syscall} failed on ${sideName}${place}: ${text} (${code})`;
}

/** The same words as those of a session that fails outside of a job. */
function linkCode({ errno }: IoFailure): string {
  const [code] = nameOf(errno);
  if (code === 'ETIMEDOUT') return 'PEER_SILENT';
  return code === 'EBADMSG' || code === 'EPROTO' ? 'PROTOCOL_BROKEN' : 'LINK_LOST';
}

/** The stream to another host, which `sideName` is on. */
function describeLink(code: string, text: string, sideName: string): string {
  switch (code) {
    case 'ETIMEDOUT':
      return `the other host sent no sign of life (${sideName})`;
    case 'EBADMSG':
    case 'EPROTO':
      return `the other host sent data that breaks the protocol, or the connection altered it (${sideName})`;
    case 'ECONNRESET':
      return `the connection to the other host was lost (${sideName})`;
    default:
      return `the connection to the other host failed: ${text} (${sideName})`;
  }
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

  /** `sideName`: what the user calls the volume that failed. */
  constructor(failure: IoFailure, sideName?: string) {
    super({
      code: failure.syscall === 'link' ? linkCode(failure) : nameOf(failure.errno)[0],
      exitCode: failure.syscall === 'link' ? exitCodes.remote : exitCodes.incomplete,
      message: describeFailure(failure, sideName),
      ...(failure.syscall === 'io_uring_setup' && { remedy: 'choose the backend auto or threads' }),
    });
    this.errno = -failure.errno;
    this.syscall = failure.syscall;
    this.side = failure.side;
    this.offsetBytes = failure.offsetBytes;
    this.lengthBytes = failure.lengthBytes;
  }
}
