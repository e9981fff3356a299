/** Writes the manual pages, at build time: node write.js [DIRECTORY], dist/man by itself. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { packageRoot } from '../../package-root.js';
import { programOutlines } from '../fastsync.js';
import { manualPage } from './page.js';

const directory = process.argv[2] ?? path.join(packageRoot, 'dist/man');

await mkdir(directory, { recursive: true });
const read = (name: string) => readFile(path.join(packageRoot, 'man', name), 'utf8');
const write = (name: string, text: string) => writeFile(path.join(directory, name), text);
for (const program of programOutlines()) {
  const name = `${program.program}.8`;
  await write(name, manualPage(await read(name), program));
}
await write('fastsync.yaml.5', await read('fastsync.yaml.5'));
