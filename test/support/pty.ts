/** A command at a terminal of its own, by script(1): keys in, bytes out. */

import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hangMs } from './hang.js';
import { endingWithUs } from './lifetime.js';

export interface AtTerminal {
  /** Every byte so far, of both outputs. */
  readonly text: () => string;
  /** Resolves when it has written this. Rejects where it ends before. */
  readonly said: (what: string) => Promise<void>;
  readonly type: (keys: string) => void;
  /** The exit code. */
  readonly ended: Promise<number | undefined>;
}

/** Ctrl-C. */
export const interruptKey = '\u0003';

/** `line` is the shell's. */
export function atTerminal(t: ExecutionContext, term: string, line: string): AtTerminal {
  const words = ['--quiet', '--flush', '--return', '--command', line, '/dev/null'];
  const child = execa(...endingWithUs('script', words), {
    env: { TERM: term },
    reject: false,
    timeout: hangMs,
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += String(data)));
  t.teardown(() => child.kill('SIGKILL'));
  const ended = child.then(({ exitCode }) => exitCode);
  return {
    text: () => text,
    async said(what) {
      while (!text.includes(what)) {
        if (child.stdout.readableEnded) throw new Error(`it never said ${what}: ${text}`);
        await Promise.race([once(child.stdout, 'data'), ended]);
      }
    },
    type: (keys) => child.stdin.write(keys),
    ended,
  };
}
