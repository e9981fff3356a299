/**
 * A run that is to end when storage does not answer is a child of the process that was started, which
 * stands by. A thread that waits for storage may be past killing, and its process then stays, whatever
 * it has said: whoever waits for the command must not have to wait for that.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { exitCodes } from '../errors.js';
import { endingSignals } from './hangups.js';

const marker = 'FASTSYNC_SUPERVISED';
/** So many of Node's own threads may hang before it can do nothing more. */
const childThreads = 32;
/** For a child that has said its exit code, or was told to end, to end by itself. */
const graceMs = 3000;

/** From the child: how it ends, or a word to the service manager, which listens to its own child only. */
type FromChild = { readonly exitCode: number } | { readonly notify: string };
/** To the child: how many signals its parent has got. Those of a terminal come to both. */
interface ToChild {
  readonly signals: number;
}

/** What a supervised run can do with its parent. */
export interface Supervisor {
  /** `listener` hears how many signals the parent has got; once more than ever when the parent is gone. */
  onSignals(listener: (count: number) => void): void;
  exits(exitCode: number): void;
  notify(message: string): void;
}

const isSupervised = process.env[marker] === '1' && process.send !== undefined;
// It is nobody else's business: hooks are children too.
Reflect.deleteProperty(process.env, marker);

/** Null where this process is the one that was started. */
export const supervisor: Supervisor | null = isSupervised
  ? {
      onSignals(listener) {
        process.on('message', (message: ToChild) => {
          listener(message.signals);
        });
        process.once('disconnect', () => {
          listener(1);
        });
        process.channel?.unref();
      },
      exits: (exitCode) => {
        send({ exitCode });
      },
      notify: (message) => {
        send({ notify: message });
      },
    }
  : null;

function send(message: FromChild): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * Runs this very command as a child; resolves with its exit code, or null where no child can be started.
 * What the child has to say to the service manager goes through `relay`.
 */
export function supervise(relay: (message: string) => void): Promise<number | null> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: childEnvironment(),
  });
  return new Promise((resolve) => {
    child.once('error', () => {
      if (child.pid === undefined) resolve(null);
    });
    child.on('message', (message: FromChild) => {
      if ('notify' in message) relay(message.notify);
      else setTimeout(resolve, graceMs, message.exitCode);
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
    passSignals(child, resolve);
  });
}

function childEnvironment(): NodeJS.ProcessEnv {
  const { WATCHDOG_PID: _, ...environment } = process.env;
  return { ...environment, [marker]: '1', UV_THREADPOOL_SIZE: String(childThreads) };
}

/** The first is for the child to end in good order; with the second this process ends, whatever the child does. */
function passSignals(child: ChildProcess, end: (exitCode: number) => void): void {
  let heard = 0;
  const onSignal = () => {
    heard++;
    const message: ToChild = { signals: heard };
    if (child.connected) child.send(message, () => undefined);
    if (heard < 2) return;
    setTimeout(() => {
      child.kill('SIGKILL');
      end(exitCodes.interrupted);
    }, graceMs);
  };
  for (const name of endingSignals) {
    process.removeAllListeners(name);
    process.on(name, onSignal);
  }
}
