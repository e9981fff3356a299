/** A volume and its replica, equal in all that is in use: made once for each kind, copied for each test. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { fastsyncJson } from './fastsync.js';
import { scratchDirectory } from './scratch.js';
import { extKind, type Kind, makePair, mebibyte, type Pair, xfsKind } from './seeding.js';

export const ext4 = extKind('mkfs.ext4', '-b', '4096');

/** mkfs wants 300 MB for what is to be used; this is only to be read. */
export const smallXfs = xfsKind('--unsupported');

export const replicaBytes = 48 * mebibyte;

export interface ReplicaRecord extends Pair {
  /** What init and fastverify need to be told of it. */
  readonly words: readonly string[];
}

interface Images {
  readonly source: Buffer;
  readonly target: Buffer;
}

const made = new Map<string, Promise<Images>>();

async function makeImages(t: ExecutionContext, kind: Kind, sizeBytes: number): Promise<Images> {
  const { source, target, state } = await makePair(t, kind, sizeBytes);
  const words = ['init', '--src', source, '--dst', target, '--yes', ...state];
  const { exitCode, stderr } = await fastsyncJson(words);
  if (exitCode !== 0) throw new Error(stderr);
  return { source: await readFile(source), target: await readFile(target) };
}

/** A pair of the test's own, seeded by init onto a target that was full of something else. */
export async function equalPair(
  t: ExecutionContext,
  kind: Kind = ext4,
  sizeBytes: number = replicaBytes,
): Promise<ReplicaRecord> {
  const key = JSON.stringify([kind, sizeBytes]);
  const images = made.get(key) ?? makeImages(t, kind, sizeBytes);
  made.set(key, images);
  const content = await images;
  const directory = await scratchDirectory(t);
  const source = path.join(directory, 'source.img');
  const target = path.join(directory, 'target.img');
  await writeFile(source, content.source);
  await writeFile(target, content.target);
  const state = ['--state-dir', path.join(directory, 'state')];
  return { directory, source, target, state, words: ['--src', source, '--dst', target, ...state] };
}
