/** Where io_uring is forbidden, or memory may not be locked, the engine finds its own way. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import type { Orders } from './child.js';
import { cmp, fill, MiB, noise } from './volumes.js';

const child = fileURLToPath(new URL('child.js', import.meta.url));
const forbidSource = fileURLToPath(new URL('../../../test/engine/forbid-uring.c', import.meta.url));
const sizeBytes = 8 * MiB;

async function copyUnder(
  t: ExecutionContext,
  wrapper: readonly string[],
  backend: 'auto' | 'uring',
) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source'), sizeBytes);
  const target = await sparseFile(path.join(directory, 'target'), sizeBytes);
  await fill(source, noise(1, sizeBytes));
  const orders: Orders = { source, target, request: { backend }, then: 'await' };
  const [command, ...rest] = [...wrapper, process.execPath, child, JSON.stringify(orders)];
  const { stdout, stderr, exitCode } = await execa(command, rest, { reject: false });
  return { stdout, stderr, exitCode, difference: await cmp(source, target, sizeBytes) };
}

for (const [name, errno] of [
  ['EPERM', 1],
  ['ENOSYS', 38],
  ['ENOMEM', 12],
] as const) {
  test(`io_uring_setup gives ${name}: threads are taken`, async (t) => {
    const forbid = path.join(await scratchDirectory(t), 'forbid-uring');
    await execa('cc', ['-Wall', '-Werror', '-o', forbid, forbidSource]);
    const automatic = await copyUnder(t, [forbid, String(errno)], 'auto');
    t.is(automatic.exitCode, 0, automatic.stderr);
    t.regex(automatic.stdout, /"info":\{"backend":"threads"/);
    t.regex(automatic.stdout, /"backend":"threads"\}$/);
    t.is(automatic.difference, '');

    const insisted = await copyUnder(t, [forbid, String(errno)], 'uring');
    t.is(insisted.exitCode, 1);
    t.regex(insisted.stderr, new RegExp(`EngineError: io_uring is not available.*${name}`));
  });
}

test('without leave to lock memory, io_uring goes on with plain buffers', async (t) => {
  const wrapper = ['prlimit', '--memlock=65536', 'setpriv', '--bounding-set=-ipc_lock'];
  const { exitCode, stdout, stderr, difference } = await copyUnder(t, wrapper, 'uring');
  t.is(exitCode, 0, stderr);
  t.regex(stdout, /"backend":"uring"\}$/);
  t.is(difference, '');
});
