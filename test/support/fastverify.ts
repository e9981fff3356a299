/** Runs the built fastverify as a user does, reads what it says, and damages its targets. */

import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, type Options } from 'execa';
import { endingWithUs } from './lifetime.js';
import type { JsonLine } from './fastsync.js';
import { during } from './until.js';

/** The built command; tests run from dist/test, so it lies beside them. */
export const fastverifyBin = fileURLToPath(
  new URL('../../program/fastverify.mjs', import.meta.url),
);

/** Runs fastverify; never rejects on its exit code. */
export function fastverify(words: readonly string[], options: Options = {}) {
  return execa(...endingWithUs(process.execPath, [fastverifyBin, ...words]), {
    reject: false,
    stdin: 'ignore',
    ...options,
  });
}

/** A range that is not equal, or was not, as a JSON line has it. */
export interface FoundRange {
  readonly answer: 'different' | 'not proven';
  readonly cause: string | null;
  readonly start: number;
  readonly length: number;
  readonly what: string;
  readonly repaired: boolean;
}

/** Runs fastverify with --json; every line must parse, and the last must be the summary. */
export async function fastverifyJson(words: readonly string[], options: Options = {}) {
  return parsed(await fastverify([...words, '--json'], options));
}

/** What a run with --json came to. */
export function parsed(result: Awaited<ReturnType<typeof fastverify>>) {
  const text = String(result.stdout);
  const stderr = String(result.stderr);
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine);
  const summary = lines.at(-1);
  if (summary?.type !== 'summary') {
    throw new Error(`Expected a summary as the last line, got: ${text}\n${stderr}`);
  }
  const ranges = lines.filter(({ type }) => type === 'range') as unknown as FoundRange[];
  return { exitCode: result.exitCode, lines, ranges, summary, stderr };
}

/** Flips one bit of the byte at each place. Done twice it is undone. */
export async function flipBits(
  volume: string,
  flips: readonly { readonly at: number; readonly bit: number }[],
): Promise<void> {
  const file = await open(volume, 'r+');
  try {
    const byte = Buffer.alloc(1);
    for (const { at, bit } of flips) {
      await file.read(byte, 0, 1, at);
      byte[0] = (byte[0] ?? 0) ^ (1 << bit);
      await file.write(byte, 0, 1, at);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

export interface SavedState {
  readonly deviceBytes: number;
  readonly proofAges: readonly { readonly endBytes: number; readonly provenAt: number | null }[];
  readonly unfinished: readonly {
    readonly cursorBytes: number;
    readonly suspects: readonly number[];
  }[];
}

/** The only state of a verification below `directory`/state, and the file that it is in; null: none yet. */
export async function savedState(
  directory: string,
): Promise<{ readonly file: string; readonly state: SavedState } | null> {
  const folder = path.join(directory, 'state', 'verify');
  const name = (await readdir(folder).catch(() => [])).find((file) => file.endsWith('.json'));
  if (name === undefined) return null;
  const file = path.join(folder, name);
  return { file, state: JSON.parse(await readFile(file, 'utf8')) as SavedState };
}

/** Waits until a running verification has saved that it came further than `bytes`. Throws if it is through. */
export function cursorBeyond(
  run: PromiseLike<unknown>,
  directory: string,
  bytes: number,
): Promise<void> {
  return during(run, async () => {
    const saved = await savedState(directory);
    if (saved?.state.unfinished.length === 0) throw new Error('it came to its end before');
    return (saved?.state.unfinished[0]?.cursorBytes ?? 0) > bytes;
  });
}
