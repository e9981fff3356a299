/**
 * Runs many command lines in one process, as fast as they are parsed: lines of JSON in, answers out.
 * Each is one that must end before it touches anything.
 */

import { text } from 'node:stream/consumers';
import { fastsync } from '../../src/cli/fastsync.js';
import { fastverify } from '../../src/cli/fastverify.js';

export interface Line {
  readonly program: 'fastsync' | 'fastverify';
  readonly words: readonly string[];
}

export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const programs = { fastsync, fastverify };
const write = process.stdout.write.bind(process.stdout);
const exit = process.exit.bind(process);
process.setMaxListeners(0);
process.stdout.setMaxListeners(0);
process.stderr.setMaxListeners(0);

async function run({ program, words }: Line): Promise<Answer> {
  const said = { stdout: '', stderr: '', exitCode: null as number | null };
  const hear =
    (stream: 'stdout' | 'stderr') =>
    (piece: string | Uint8Array, encoding?: unknown, written?: (error?: Error | null) => void) => {
      if (said.exitCode === null) said[stream] += String(piece);
      const done = typeof encoding === 'function' ? (encoding as () => void) : written;
      done?.();
      return true;
    };
  process.stdout.write = hear('stdout');
  process.stderr.write = hear('stderr');
  // Help is printed so.
  console.log = (line: string) => hear('stdout')(`${line}\n`);
  process.exitCode = 0;
  const exited = new Promise<void>((resolve) => {
    process.exit = (code) => {
      said.exitCode ??= Number(code ?? process.exitCode);
      resolve();
      throw new Error('This process goes on with the next line');
    };
  });
  const ended = programs[program](words).catch((error: unknown) => {
    if (said.exitCode === null) said.stderr += `not caught: ${String(error)}`;
  });
  await Promise.race([exited, ended]);
  return { ...said, exitCode: said.exitCode ?? process.exitCode };
}

const answers: Answer[] = [];
for (const line of JSON.parse(await text(process.stdin)) as Line[]) answers.push(await run(line));
write(JSON.stringify(answers), () => exit(0));
