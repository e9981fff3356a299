/** A seeded load on a mounted file system, with files that must survive a crash. */

import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Random } from '../../support/random.js';

/** Names and digests of files that were written once, fsynced, and never touched again. */
export type Kept = ReadonlyMap<string, string>;

/**
 * Creates, grows, shrinks and removes files, a good part of them fsynced, so that allocations reach
 * the log but not all of them the trees on disk.
 */
export async function runLoad(directory: string, random: Random, steps: number): Promise<Kept> {
  const kept = new Map<string, string>();
  for (let index = 0; index < 16; index++)
    await mkdir(path.join(directory, `d${index}`), { recursive: true });
  for (let step = 0; step < steps; step++) {
    const name = path.join(`d${random.between(0, 16)}`, `churn${random.between(0, 120)}`);
    const file = path.join(directory, name);
    const choice = random.next();
    if (choice < 0.12) {
      const keptName = path.join(`d${random.between(0, 16)}`, `kept${step}`);
      const content = random.bytes(random.between(1, 40_000));
      await write(path.join(directory, keptName), content, 'wx', true);
      kept.set(keptName, digest(content));
    } else if (choice < 0.65) {
      const content = Buffer.alloc(random.between(1, 60_000), step & 0xff);
      await write(file, content, random.next() < 0.5 ? 'a' : 'w', random.next() < 0.4);
    } else if (choice < 0.9) {
      await rm(file, { force: true });
    } else if (choice < 0.98) {
      await truncate(file, random.between(0, 30_000)).catch(() => undefined);
    } else if (choice < 0.99) {
      await execa('sync', ['--file-system', directory]);
    } else {
      await comeAndGo(path.join(directory, `passing${step}`));
    }
  }
  return kept;
}

/** A directory of many blocks, made and removed again: its blocks are logged, then cancelled. */
async function comeAndGo(directory: string): Promise<void> {
  await mkdir(directory);
  for (let index = 0; index < 150; index++) {
    const name = `${'long name '.repeat(12)}${index}`;
    await write(path.join(directory, name), Buffer.from(''), 'wx', index % 50 === 0);
  }
  await rm(directory, { recursive: true });
}

async function write(
  file: string,
  content: Buffer,
  flags: string,
  durable: boolean,
): Promise<void> {
  const handle = await open(file, flags);
  try {
    await handle.writeFile(content);
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Names of kept files that are missing from, or differ in, the directory. */
export async function lostFiles(directory: string, kept: Kept): Promise<string[]> {
  const lost: string[] = [];
  for (const [name, expected] of kept) {
    const content = await readFile(path.join(directory, name)).catch(() => null);
    if (content === null || digest(content) !== expected) lost.push(name);
  }
  return lost;
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
