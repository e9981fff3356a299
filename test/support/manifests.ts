/** Manifests from the outside: a populated volume, and fastverify as a user runs it. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { execa, type Options } from 'execa';
import { endingWithUs } from './lifetime.js';
import { fastsync, type JsonLine } from './fastsync.js';
import { fillWithGarbage } from './garbage.js';
import { scratchDirectory, sparseFile } from './scratch.js';
import { type Kind, mountedKind } from './seeding.js';
import { populateTree } from './tree.js';

/** The built package; tests run from dist/test. */
export const packageRoot = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs fastverify of the package at `root`; never rejects on its exit code. */
export function fastverify(words: readonly string[], options: Options = {}, root = packageRoot) {
  return execa(
    ...endingWithUs(process.execPath, [path.join(root, 'dist/program/fastverify.mjs'), ...words]),
    {
      reject: false,
      stdin: 'ignore',
      ...options,
    },
  );
}

/** Runs fastverify with --json and parses its lines; the last one is the summary. */
export async function fastverifyLines(words: readonly string[]) {
  const { stdout, stderr, exitCode } = await fastverify([...words, '--json']);
  const lines = String(stdout)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine);
  const ranges = lines.filter(({ type }) => type === 'range');
  return { exitCode, ranges, summary: lines.at(-1) ?? { type: 'none' }, stderr: String(stderr) };
}

export interface Volume {
  readonly directory: string;
  readonly image: string;
  readonly state: readonly string[];
}

/** A populated volume, its free space full of garbage. */
export async function populatedVolume(
  t: ExecutionContext,
  kind: Kind,
  bytes: number,
): Promise<Volume> {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'volume.img'), bytes);
  await fillWithGarbage(image, bytes, 2);
  const [mkfs, ...options] = kind.mkfs;
  await execa(mkfs, [...options, image]);
  const { directory: mount, unmount } = await mountedKind(t, kind, image);
  await populateTree(mount, 7, 16);
  await unmount();
  return { directory, image, state: ['--state-dir', path.join(directory, 'state')] };
}

export interface PrintedRange {
  readonly start: number;
  readonly length: number;
  readonly used: boolean;
  readonly reason: string;
}

/** The map as `fastsync map` prints it. */
export async function printedMap(image: string): Promise<PrintedRange[]> {
  const { stdout } = await fastsync(['map', image, '--format', 'json']);
  return (JSON.parse(String(stdout)) as { ranges: PrintedRange[] }).ranges;
}

/** The used ranges, neighbours joined. */
export function usedRanges(map: readonly PrintedRange[]): Float64Array {
  const pairs: number[] = [];
  for (const { start, length, used } of map) {
    if (!used) continue;
    if ((pairs.at(-2) ?? -1) + (pairs.at(-1) ?? 0) === start)
      pairs.push((pairs.pop() ?? 0) + length);
    else pairs.push(start, length);
  }
  return Float64Array.from(pairs);
}
