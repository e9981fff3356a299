/** The qemu format against qemu-img. */

import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { eachExtent } from '../../../fsparsers/extents.js';
import { mappedVolume, writeFormat } from '../../support/mapped-volume.js';
import { sparseFile } from '../../support/scratch.js';

test('it is the list of qemu-img map for a file with data just where the map says used', async (t) => {
  const volume = await mappedVolume(t, { mkfs: ['-b', '4096'] });
  const sparse = await sparseFile(path.join(volume.directory, 'sparse.img'), volume.bytes);
  const file = await open(sparse, 'r+');
  for (const { start, length } of eachExtent(volume.used)) {
    await file.write(Buffer.alloc(length, 1), 0, length, start);
  }
  await file.sync();
  await file.close();
  const { stdout } = await execa('qemu-img', ['map', '--output=json', '-f', 'raw', sparse]);
  const entries = JSON.parse(stdout) as Record<string, unknown>[];
  for (const entry of entries) delete entry.compressed; // of newer versions
  t.deepEqual(JSON.parse(await readFile(await writeFormat(volume, 'qemu'), 'utf8')), entries);
});
