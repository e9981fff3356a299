/** Starts the agent on another host with the system's ssh. */

import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { linkLost } from '../../protocol/index.js';
import type { RemoteAddress } from './address.js';

export interface RemoteShell {
  /** The program and its first arguments: "ssh", "ssh -F FILE". */
  readonly ssh: readonly string[];
  /** The command for the other host's shell, without " agent": "fastsync", "sudo -n fastsync". */
  readonly remoteCommand: string;
}

export const defaultShell: RemoteShell = { ssh: ['ssh'], remoteCommand: 'fastsync' };

/** How long ssh may take to exit after its input has ended. */
const endGraceMs = 5000;

/** What becomes the standard input and output of ssh. */
type StandardFds = readonly [inputFd: number, outputFd: number];

/** The number of lines of the other host's standard error that are kept for the error message. */
const keptLines = 3;

function run(program: string, words: readonly string[], [inputFd, outputFd]: StandardFds) {
  return execa(program, words, {
    // Any descriptor works; the types of execa allow only the first few.
    stdin: inputFd as 3,
    stdout: outputFd as 3,
    stderr: 'pipe',
    buffer: false,
    reject: false,
    forceKillAfterDelay: 1000,
  });
}

/** How ssh ended. */
interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started, or null. */
  readonly failure: string | null;
}

export interface Started {
  readonly exited: Promise<Exit>;
  /** The last lines of the other host's standard error, as one line. */
  lastWords(): string;
  /** Resolves when ssh has exited after the end of its input, or was killed after a while. */
  end(): Promise<void>;
}

/**
 * `fds`: the other ends of the session's streams. `onLine` receives what ssh and the agent print to
 * standard error.
 */
export function startAgent(
  { destination, port }: RemoteAddress,
  { ssh, remoteCommand }: RemoteShell,
  fds: StandardFds,
  onLine: (line: string) => void,
): Started {
  const [program = 'ssh', ...first] = ssh;
  const ports = port === null ? [] : ['-p', String(port)];
  const words = [...first, '-T', ...ports, '--', destination, `${remoteCommand} agent`];
  const process = run(program, words, fds);
  const lines: string[] = [];
  createInterface({ input: process.stderr }).on('line', (line) => {
    const text = line.replaceAll(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').slice(0, 500);
    lines.push(text);
    if (lines.length > keptLines) lines.shift();
    onLine(text);
  });
  const exited = exitOf(process);
  const end = async () => {
    // After the link was cut, or if it was stopped, ssh may never exit.
    const timer = setTimeout(() => process.kill('SIGTERM'), endGraceMs);
    await exited;
    clearTimeout(timer);
    // A shared connection that ssh leaves running for later runs may keep this open.
    process.stderr.destroy();
  };
  return { exited, end, lastWords: () => lines.join('; ') };
}

function exitOf(process: ReturnType<typeof run>): Promise<Exit> {
  const exited = new Promise<Exit>((resolve) => {
    process.once('exit', (code, signal) => {
      resolve({ code, signal, failure: null });
    });
  });
  // If ssh could not be started, there is no exit event.
  const ended = process.then(({ exitCode = null, signal = null, originalMessage = null }) => ({
    code: exitCode,
    signal,
    failure: originalMessage,
  }));
  return Promise.race([exited, ended]);
}

/** Why the connection ended, as far as ssh reported it; `error` is the link's error. */
export async function explained(peer: string, started: Started, error: unknown): Promise<unknown> {
  const { code: exitCode, signal, failure } = await started.exited;
  const { code } = error as { readonly code?: unknown };
  // The peer's standard error says more than "it printed nothing".
  const isSilent = code === 'LINK_LOST' || (code === 'NOT_AN_AGENT' && started.lastWords() !== '');
  if (!isSilent || exitCode === 0) return error;
  const how =
    signal !== null
      ? `ssh was ended by ${signal}`
      : exitCode === null
        ? (failure ?? 'ssh could not be started')
        : `ssh ended with ${exitCode}`;
  const words = started.lastWords();
  return linkLost(peer, words === '' ? how : `${how}: ${words}`, error);
}
