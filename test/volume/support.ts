/** Real volumes for the refusals' tests, and what is refused of them. */

import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { prepareSeed } from '../../src/sync/index.js';
import { overrides as overrideOf, type Override, type Refusal } from '../../src/volume/index.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { firstOutput } from '../support/until.js';

export const mebibyte = 1024 * 1024;

/** An image with an ext4 in it. */
export async function ext4Image(t: ExecutionContext, sizeMib = 16): Promise<string> {
  const file = await emptyImage(t, sizeMib);
  await execa('mke2fs', ['-q', '-t', 'ext4', '-L', 'source', file]);
  return file;
}

export async function emptyImage(t: ExecutionContext, sizeMib = 16): Promise<string> {
  return sparseFile(path.join(await scratchDirectory(t), 'image'), sizeMib * mebibyte);
}

/** What is refused of a run, as the commands would find it. Every byte is used: the map is not the matter. */
export async function inspect(
  source: string,
  targets: readonly string[],
  overrides: readonly Override[] = [],
): Promise<readonly Refusal[]> {
  await using prepared = await prepareSeed({
    source,
    targets,
    map: { as: 'whole' },
    dirty: 'refuse',
    overrides: new Set(overrides),
    stateDirectory: '/nonexistent/state',
    signal: new AbortController().signal,
  });
  return prepared.refusals;
}

/**
 * Asserts that exactly these refusals stand, and that together their overrides, and nothing less,
 * silence them.
 */
export async function refuses(
  t: ExecutionContext,
  source: string,
  targets: readonly string[],
  ...codes: readonly Refusal['code'][]
): Promise<readonly Refusal[]> {
  const refusals = await inspect(source, targets);
  t.deepEqual(refusals.map(({ code }) => code).toSorted(), codes.toSorted());
  const overrides = [...new Set(refusals.map(({ code }) => overrideOf[code]))];
  t.deepEqual(await inspect(source, targets, overrides), []);
  for (const left of overrides) {
    const others = overrides.filter((override) => override !== left);
    const still = await inspect(source, targets, others);
    t.true(still.length > 0 && still.every(({ code }) => overrideOf[code] === left));
  }
  return refusals;
}

/** A shell script that says when it is ready, and goes on until the test ends; gives its pid. */
export async function background(t: ExecutionContext, script: string): Promise<number> {
  const child = execa(
    ...endingWithUs('bash', ['-euc', `${script}\necho ready; read -r _ || true`]),
    {
      reject: false,
      stdin: 'pipe',
    },
  );
  t.teardown(async () => {
    child.stdin.end();
    await child;
  });
  await firstOutput(child);
  return child.pid ?? 0;
}
