/** Word to the service manager that started us, if one did: sd_notify(3). */

import { notifySocket } from '../engine/notify.js';
import { supervisor } from './supervisor.js';

/** Passes on what a supervised child has to say: the service manager listens to its own child only. */
export function relay(message: string): void {
  const { NOTIFY_SOCKET: socket } = process.env;
  if (socket !== undefined) notifySocket(socket, message);
}

export interface Service {
  /** Everything runs; said once. */
  ready(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** Ends the watchdog's word, and says that we are about to end. */
  stopping(): void;
}

/** Reads NOTIFY_SOCKET and WATCHDOG_USEC; without them nothing is sent. */
export function service(environment: NodeJS.ProcessEnv = process.env): Service {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: limit, WATCHDOG_PID: pid } = environment;
  if (socket === undefined || socket === '') return silent;
  const send = (message: string) => {
    if (supervisor === null) notifySocket(socket, message);
    else supervisor.notify(message);
  };
  const limitMs = Number(limit) / 1000;
  const isWatched = limitMs > 0 && (pid === undefined || Number(pid) === process.pid);
  // From the event loop: should that hang, the manager hears no more of us.
  const timer = isWatched ? setInterval(send, limitMs / 3, 'WATCHDOG=1') : undefined;
  timer?.unref();
  let isReady = false;
  return {
    ready() {
      if (!isReady) send('READY=1');
      isReady = true;
    },
    status(text) {
      send(`STATUS=${text.replaceAll(/\s+/g, ' ')}`);
    },
    stopping() {
      clearInterval(timer);
      send('STOPPING=1');
    },
  };
}

const silent: Service = {
  ready: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
};
