/** One datagram to a Unix socket, which Node itself cannot send. */

import { addon } from './addon.js';

/**
 * Sends `message` to the socket at `path` ("@" at its beginning: the abstract namespace), without
 * waiting. False if it could not be sent.
 */
export function notifySocket(path: string, message: string): boolean {
  return addon().notifySocket(path, message) === 0;
}
