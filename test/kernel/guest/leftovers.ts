/** However a tracker ends, bpftool finds nothing of it in the kernel afterwards. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { fastsync } from '../../support/fastsync.js';
import { disks } from './disks.js';
import { kernelTest } from './kernel-test.js';

/** Programs, maps and links, by their ids. */
async function inKernel(): Promise<string[]> {
  const found: string[] = [];
  for (const kind of ['prog', 'map', 'link']) {
    const { stdout } = await execa('bpftool', ['--json', kind, 'show']);
    const objects = JSON.parse(stdout) as { id: number; name?: string }[];
    found.push(...objects.map(({ id, name }) => `${kind} ${id} ${name ?? ''}`));
  }
  return found.sort();
}

/** Four programs of a device with requests and a link for each; there are their maps besides. */
const programsWithLinks = 8;

/** The kernel lets go of them a little later. */
async function assertLeft(before: readonly string[]): Promise<void> {
  while ((await inKernel()).join() !== before.join()) await sleep(50);
}

kernelTest('a tracker that is killed leaves nothing in the kernel', async () => {
  const before = await inKernel();
  const script = fileURLToPath(new URL('../../tracker/child.js', import.meta.url));
  const child = execa(process.execPath, [script, disks.small], { reject: false });
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout) {
    if (String(text).includes('ready')) break;
  }
  assert.ok((await inKernel()).length > before.length + programsWithLinks);
  child.kill('SIGKILL');
  await child;
  await assertLeft(before);
});

kernelTest('fastsync track: kept without a process, and gone when it is stopped', async () => {
  const before = await inKernel();
  assert.equal((await fastsync(['track', 'start', disks.small])).exitCode, 0);
  assert.ok((await inKernel()).length > before.length + programsWithLinks);
  const place = ['oflag=direct', 'bs=64K', 'seek=3', 'count=1'];
  await execa('dd', ['if=/dev/urandom', `of=${disks.small}`, ...place]);
  const { stdout, exitCode } = await fastsync(['track', 'drain', disks.small]);
  assert.equal(exitCode, 0);
  assert.match(String(stdout), /^196608 65536$/m);
  assert.equal((await fastsync(['track', 'stop', disks.small])).exitCode, 0);
  await assertLeft(before);
});
