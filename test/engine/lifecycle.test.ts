/** Jobs whose process, worker thread or caller goes away in the middle; and many at once. */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execaNode } from 'execa';
import { hangMs } from '../support/hang.js';
import { copy, descriptorEndpoint } from '../../src/engine/index.js';
import { repetitions } from '../support/repetitions.js';
import { seededRandom } from '../support/random.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import type { Orders } from './child.js';
import { backends, cmp, fill, KiB, MiB, noise, opened } from './volumes.js';

const child = fileURLToPath(new URL('child.js', import.meta.url));
const sizeBytes = 64 * MiB;

async function pair(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source'), sizeBytes);
  const target = await sparseFile(path.join(directory, 'target'), sizeBytes);
  await fill(source, noise(1, sizeBytes));
  return { source: await attachLoop(t, source), target: await attachLoop(t, target) };
}

function runChild(orders: Orders) {
  return execaNode(child, [JSON.stringify(orders)], { reject: false, timeout: hangMs });
}

for (const then of ['exit', 'throw'] as const) {
  test(`${then} in the middle of a copy ends the process with its own code`, async (t) => {
    const random = seededRandom(t, then === 'exit' ? 400 : 401);
    const files = await pair(t);
    for (let round = 0; round < repetitions({ whole: 6, sample: 3 }); round++) {
      for (const backend of backends) {
        const request = { backend, verify: round % 2 === 1, chunkBytes: 64 * KiB };
        const afterMs = random.between(0, 40);
        const { exitCode, signal, stderr } = await runChild({ ...files, request, then, afterMs });
        t.is(signal, undefined);
        t.is(exitCode, then === 'exit' ? 7 : 1);
        if (then === 'throw') t.regex(stderr, /Error: thrown in the middle of a copy/);
        else t.is(stderr, '');
      }
    }
  });
}

test('a job that nobody waits for keeps the process alive until it is done', async (t) => {
  const files = await pair(t);
  for (const backend of backends) {
    const { exitCode, stdout } = await runChild({ ...files, request: { backend }, then: 'leave' });
    t.is(exitCode, 0);
    const last = JSON.parse(stdout.split('\n').at(-1) ?? '') as object;
    t.like(last, { backend, progress: { durableBytes: sizeBytes } });
    t.is(await cmp(files.source, files.target, sizeBytes), '');
  }
});

test('terminating a worker thread in the middle of a copy leaves the process well', async (t) => {
  const random = seededRandom(t, 402);
  const files = await pair(t);
  for (let round = 0; round < repetitions({ whole: 10, sample: 5 }); round++) {
    for (const backend of backends) {
      const orders: Orders = {
        ...files,
        request: { backend, chunkBytes: 64 * KiB },
        then: 'await',
      };
      const worker = new Worker(child, { workerData: orders });
      await once(worker, 'message');
      await sleep(random.between(0, 30));
      await worker.terminate();
    }
  }
  // The engine still works in this thread.
  const input = await opened(t, files.source, 'r');
  const output = await opened(t, files.target, 'r+');
  const request = {
    source: descriptorEndpoint(input.fd),
    targets: [descriptorEndpoint(output.fd)],
  };
  await copy({ ...request, extents: Float64Array.of(0, sizeBytes) }).done;
  t.is(await cmp(files.source, files.target, sizeBytes), '');
});

test('terminating a worker thread when its job is about done leaves the process well', async (t) => {
  const random = seededRandom(t, 403);
  const directory = await scratchDirectory(t);
  // So little that the end of the job and that of the thread often meet.
  const source = await sparseFile(path.join(directory, 'source'), 2 * MiB);
  const target = await sparseFile(path.join(directory, 'target'), 2 * MiB);
  await fill(source, noise(2, 2 * MiB));
  for (let round = 0; round < repetitions({ whole: 80, sample: 30 }); round++) {
    const orders: Orders = { source, target, request: { chunkBytes: 64 * KiB }, then: 'await' };
    const worker = new Worker(child, { workerData: orders });
    await once(worker, 'message');
    await sleep(random.between(0, 6));
    await worker.terminate();
  }
  const [input, output] = [await opened(t, source, 'r'), await opened(t, target, 'r+')];
  const request = {
    source: descriptorEndpoint(input.fd),
    targets: [descriptorEndpoint(output.fd)],
  };
  await copy({ ...request, extents: Float64Array.of(0, 2 * MiB) }).done;
  t.is(await cmp(source, target, 2 * MiB), '');
});

test('terminating a worker thread that is in native code leaves the process well', async (t) => {
  const random = seededRandom(t, 404);
  const files = await pair(t);
  for (let round = 0; round < repetitions({ whole: 80, sample: 30 }); round++) {
    const worker = new Worker(child, { workerData: { ...files, request: {}, then: 'look' } });
    await once(worker, 'message');
    await sleep(random.between(0, 6));
    await worker.terminate();
  }
  t.pass();
});

test('worker threads copy at the same time', async (t) => {
  const { source } = await pair(t);
  const directory = await scratchDirectory(t);
  const copies = Array.from({ length: 4 }, async (_, index) => {
    const target = await sparseFile(path.join(directory, `target${index}`), sizeBytes);
    const backend = index % 2 === 0 ? 'uring' : 'threads';
    const orders: Orders = { source, target, request: { backend }, then: 'await' };
    const worker = new Worker(child, { workerData: orders });
    const [code] = (await once(worker, 'exit')) as [number];
    return { code, difference: await cmp(source, target, sizeBytes) };
  });
  for (const { code, difference } of await Promise.all(copies)) {
    t.is(code, 0);
    t.is(difference, '');
  }
});

// Alone, for the other tests open files too.
test.serial('many jobs at once in one thread, and no descriptor is left open', async (t) => {
  const { source } = await pair(t);
  const input = await opened(t, source, 'r');
  const directory = await scratchDirectory(t);
  const targets = await Promise.all(
    Array.from({ length: 24 }, (_, index) =>
      sparseFile(path.join(directory, String(index)), 4 * MiB),
    ),
  );
  const outputs = await Promise.all(targets.map((target) => opened(t, target, 'r+')));
  // Only what a job opens: the files themselves, and rings. The runner has descriptors of its own.
  const descriptors = async () => {
    const fds = await readdir('/proc/self/fd');
    const links = await Promise.all(
      fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    const isOurs = (link: string) =>
      link.startsWith(directory) || link === source || link.includes('io_uring');
    return links.filter(isOurs).length;
  };
  const before = await descriptors();
  t.is(before, targets.length + 1);
  const jobs = outputs.map(({ fd }, index) =>
    copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(fd)],
      extents: Float64Array.of(0, 4 * MiB),
      backend: index % 2 === 0 ? 'uring' : 'threads',
      inFlightBytes: 4 * MiB,
    }),
  );
  await Promise.all(jobs.map(({ done }) => done));
  for (const target of targets) t.is(await cmp(source, target, 4 * MiB), '');
  t.is(await descriptors(), before);
});

test('the caller may close its descriptors at once', async (t) => {
  const files = await pair(t);
  const input = await opened(t, files.source, 'r');
  const output = await opened(t, files.target, 'r+');
  const request = {
    source: descriptorEndpoint(input.fd),
    targets: [descriptorEndpoint(output.fd)],
  };
  const job = copy({ ...request, extents: Float64Array.of(0, sizeBytes) });
  await input.close();
  await output.close();
  await job.done;
  t.is(await cmp(files.source, files.target, sizeBytes), '');
});
