/** Runs the built command as a user does, and reads what it says. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, type Options } from 'execa';
import { endingWithUs } from './lifetime.js';
import { during } from './until.js';

/** The built command; tests run from dist/test, so it lies beside them. */
export const fastsyncBin = fileURLToPath(new URL('../../program/fastsync.mjs', import.meta.url));

/** Runs fastsync; never rejects on its exit code. */
export function fastsync(words: readonly string[], options: Options = {}) {
  return execa(...endingWithUs(process.execPath, [fastsyncBin, ...words]), {
    reject: false,
    stdin: 'ignore',
    ...options,
  });
}

export interface JsonLine {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Runs fastsync with --json and parses its lines; the last one is the summary. */
export async function fastsyncJson(words: readonly string[], options: Options = {}) {
  const result = await fastsync([...words, '--json'], options);
  const stdout = String(result.stdout);
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine);
  const summary = lines.at(-1);
  if (summary?.type !== 'summary') {
    throw new Error(
      `Expected a summary as the last line, got: ${stdout}\n${String(result.stderr)}`,
    );
  }
  return { exitCode: result.exitCode, lines, summary, stderr: String(result.stderr) };
}

/** Waits until the only checkpoint below `directory`/state, of a run that goes on, claims more than `bytes`. */
export async function checkpointBeyond(
  run: PromiseLike<unknown>,
  directory: string,
  bytes: number,
): Promise<void> {
  const checkpoints = path.join(directory, 'state', 'checkpoints');
  await during(run, async () => {
    const name = (await readdir(checkpoints).catch(() => [])).find((file) => file.endsWith('json'));
    const text = name && (await readFile(path.join(checkpoints, name), 'utf8').catch(() => null));
    return (
      Boolean(text) && (JSON.parse(text ?? '') as { durableBytes: number }).durableBytes > bytes
    );
  });
}
