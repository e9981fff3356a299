/** A file system on a device-mapper device is frozen by that device's name, and by its disk's. */

import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { freeze, identifyVolume } from '../../../src/volume/index.js';
import { onlineKinds } from '../../support/online.js';
import { mounted } from '../../support/scratch.js';
import { disks } from './disks.js';
import { kernelTest } from './kernel-test.js';
import { crypt, linear } from './stacks.js';

const anyTimeMs = 600_000;

for (const [kind, name, stack] of [
  ['ext4', 'dm-linear', linear],
  ['xfs', 'dm-crypt', crypt],
] as const) {
  kernelTest(`${kind} on ${name}: frozen, writers wait until the thaw`, async (t) => {
    const { top, lower } = await stack(t, disks.large);
    const [mkfs, ...options] = onlineKinds[kind].mkfs;
    await execa(mkfs, [...options, top]);
    const { directory } = await mounted(t, top);
    for (const device of [top, ...lower]) {
      const volume = await identifyVolume(device);
      const frozen = await freeze({ volume, maxFreezeMs: anyTimeMs, mustNotFreeze: [] });
      assert.equal(frozen.mountPoint, directory);
      const file = path.join(directory, path.basename(device));
      const writer = execa('touch', [file], { reject: false });
      while (writer.exitCode === null && (await stateOf(writer.pid)) !== 'D') await sleep(10);
      assert.equal(writer.exitCode, null);
      await assert.rejects(access(file), { code: 'ENOENT' });
      await frozen.thaw();
      assert.equal((await writer).exitCode, 0);
      await access(file);
    }
  });
}

/** The letter of proc_pid_stat(5). */
async function stateOf(pid: number | undefined): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid ?? 0}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2)[0];
}
