/** An interactive shell at a terminal, as a person types into it: tabs complete. */

import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from './lifetime.js';
import { fastsyncBin } from './fastsync.js';
import { scratchDirectory } from './scratch.js';

export interface TypedShell {
  /** A directory of its own, where the shell is. */
  readonly directory: string;
  /** The words that the program was started with when `line` was typed and entered. */
  readonly type: (line: string) => Promise<readonly string[]>;
}

const starts = {
  bash: 'bash --norc --noprofile -i',
  // -f: no start-up files; -u: the completion system does not ask who owns its files.
  zsh: 'zsh -f -i',
} as const;

/** Stands in for the programs: says with what it was called. Only `completion` is the real one. */
const standIn = `#!/bin/bash
for last; do :; done
if [[ $1 == completion && $last != typed ]]; then exec ${process.execPath} ${fastsyncBin} "$@"; fi
printf '\\n{%s}' "$@"
printf '\\n{end}\\n'
`;

/** Starts the shell at a terminal of its own and runs `setup` in it; it ends with the test. */
export async function typedShell(
  t: ExecutionContext,
  shell: keyof typeof starts,
  setup: string,
): Promise<TypedShell> {
  const directory = await scratchDirectory(t);
  for (const program of ['fastsync', 'fastverify']) {
    await writeFile(path.join(directory, program), standIn);
    await chmod(path.join(directory, program), 0o755);
  }
  const child = execa(
    ...endingWithUs('script', ['--quiet', '--flush', '--command', starts[shell], '/dev/null']),
    {
      cwd: directory,
      env: {
        PATH: `${directory}:${process.env.PATH ?? ''}`,
        TERM: 'dumb',
        PS1: '',
        HOME: directory,
      },
      buffer: false,
      reject: false,
    },
  );
  t.teardown(() => child.kill());
  let output = '';
  let wake = () => {
    // Nobody waits yet.
  };
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    wake();
  });
  const until = async (mark: string) => {
    while (!output.includes(mark)) {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        void child.then(() => {
          reject(new Error(`The shell ended. It had said: ${output}`));
        });
      });
    }
  };
  // What is echoed is not what is waited for: the mark is put together by the shell.
  child.stdin.write(`${setup}\nprintf '{%s}\\n' ready\n`);
  await until('{ready}');
  const type = async (line: string) => {
    output = '';
    child.stdin.write(`${line}\n`);
    await until('{end}');
    return [...output.matchAll(/\n\{(.*)\}\r?$/gm)]
      .map(([, word = '']) => word.trimEnd())
      .filter((word) => word !== 'end');
  };
  return { directory, type };
}
