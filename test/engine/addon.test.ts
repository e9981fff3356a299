/** A package whose native part is missing or broken says so, with the remedy. */

import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execaNode } from 'execa';
import { scratchDirectory } from '../support/scratch.js';

const built = fileURLToPath(new URL('../../src', import.meta.url));

async function packageWithoutAddon(t: ExecutionContext): Promise<string> {
  const directory = await scratchDirectory(t);
  const parts = [
    'engine',
    'errors.js',
    'system-errors.js',
    'descriptors.js',
    'in-flight.js',
    'package-root.js',
  ];
  for (const part of parts) {
    await cp(path.join(built, part), path.join(directory, 'dist/src', part), { recursive: true });
  }
  await writeFile(path.join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(
    path.join(directory, 'ask.js'),
    `import { engineInfo } from './dist/src/engine/index.js';
     try { engineInfo(); } catch (error) { console.log(error.code, '|', error.remedy); }`,
  );
  return directory;
}

test('no addon at all', async (t) => {
  const directory = await packageWithoutAddon(t);
  const { stdout } = await execaNode(path.join(directory, 'ask.js'));
  t.is(stdout, 'ENGINE_MISSING | run "npm run build"');
});

test('an addon that cannot be loaded', async (t) => {
  const directory = await packageWithoutAddon(t);
  const place = path.join(directory, `native/prebuilds/linux-${process.arch}`);
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, 'fastsync.node'), 'not a library');
  const { stdout } = await execaNode(path.join(directory, 'ask.js'));
  t.regex(stdout, /^ENGINE_UNUSABLE \| build it for this machine/);
});
