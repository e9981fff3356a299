/** One run at a time: a lock for every target, which names its holder and cannot outlive it. */

import { createHash } from 'node:crypto';
import { connect, createServer, type Server } from 'node:net';
import { exitCodes, FastsyncError } from '../errors.js';

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the lock on a node; `name` is what the user calls it. Rejects with LOCKED, exit code 7, while another process has it.
 *
 * The lock is a socket in Linux's abstract namespace (unix(7)): the kernel lets one process bind a
 * name and takes it away when that process ends, however it ends. There is no file to go stale, and
 * whoever finds the name taken asks the holder who it is.
 */
export async function takeLock(node: string, name: string): Promise<Lock> {
  const address = `\0fastsync-${createHash('sha256').update(node).digest('hex').slice(0, 32)}`;
  const server = createServer((asking) => {
    asking.on('error', () => undefined);
    asking.end(String(process.pid));
  });
  try {
    await listening(server, address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw locked(name, await askHolder(address));
  }
  server.unref();
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

const askTimeoutMs = 2000;

/** The holder's pid, or null if it does not answer in time. */
function askHolder(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(address);
    let answer = '';
    const done = () => {
      socket.destroy();
      resolve(/^\d+$/.test(answer) ? answer : null);
    };
    socket.setEncoding('latin1').setTimeout(askTimeoutMs, done);
    socket.on('data', (text: string) => (answer += text));
    socket.on('end', done).on('error', done);
  });
}

function locked(name: string, pid: string | null): FastsyncError {
  return new FastsyncError({
    code: 'LOCKED',
    exitCode: exitCodes.locked,
    message: `${name} is being written by another run${pid === null ? '' : ` (pid ${pid})`}`,
    remedy: 'wait until it ends, or stop it',
  });
}
