/** The archive for rescue systems: unpacked anywhere, run with nothing but an old C library and a shell. */

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { version } from '../../src/version.js';
import { archive, seedAndProve, unpackTree } from './support.js';

test('unpacked in a system of glibc 2.31 and a shell, it seeds and proves', async (t) => {
  const tree = await unpackTree(t, 'rescue');
  const home = path.join(tree.directory, 'mnt/usb stick');
  await mkdir(home, { recursive: true });
  await execa('tar', ['-C', home, '-xf', archive]);
  await seedAndProve(t, tree, (name) => `/mnt/usb stick/fastsync-${version}/bin/${name}`);
});
