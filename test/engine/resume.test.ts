/** Stopped at any moment and gone on with: what is called durable is there, and little is done twice. */

import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execaNode } from 'execa';
import { copy, descriptorEndpoint, type Progress } from '../../src/engine/index.js';
import { seededRandom } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import type { Orders } from './child.js';
import { backends, cmp, fill, KiB, MiB, noise, opened, volumeKinds } from './volumes.js';

const child = fileURLToPath(new URL('child.js', import.meta.url));
const sizeBytes = 24 * MiB;

async function pair(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source'), sizeBytes);
  await fill(source, noise(1, sizeBytes));
  const target = await volumeKinds.loop512.make(t, sizeBytes);
  await fill(target, noise(2, sizeBytes));
  return { source, target };
}

const mostStops = 12;

/** So slow that stops come in the middle, or most of them where this machine is slow too; the last run is not. */
const slowly = { bytesPerSecond: 4 * MiB };
const finely = { chunkBytes: 64 * KiB, flushEveryMs: 20 };

for (const backend of backends) {
  for (const verify of [false, true]) {
    test(`cancelled at random moments and resumed (${backend}, verify ${verify})`, async (t) => {
      const random = seededRandom(t, 500 + Number(verify));
      const { source, target } = await pair(t);
      const input = await opened(t, source, 'r');
      const output = await opened(t, target, 'r+');
      let startAtBytes = 0;
      let writtenBytes = 0;
      let rounds = 0;
      for (let cancelled = true; cancelled; rounds++) {
        const isStopped = rounds < mostStops;
        const job = copy({
          ...finely,
          ...(isStopped ? slowly : {}),
          source: descriptorEndpoint(input.fd),
          targets: [descriptorEndpoint(output.fd)],
          extents: Float64Array.of(0, sizeBytes),
          startAtBytes,
          verify,
          backend,
        });
        if (isStopped) {
          await sleep(random.between(0, 120));
          job.cancel();
        }
        const result = await job.done;
        ({ cancelled } = result);
        t.true(isStopped || !cancelled);
        t.is(cancelled, result.progress.durableBytes < sizeBytes);
        t.true(result.progress.durableBytes >= startAtBytes);
        t.is(result.progress.completedBytes, result.progress.durableBytes);
        startAtBytes = result.progress.durableBytes;
        writtenBytes += result.progress.writtenBytes;
        t.is(await cmp(source, target, startAtBytes), '');
      }
      t.true(rounds > 1);
      t.is(startAtBytes, sizeBytes);
      t.is(writtenBytes, sizeBytes);
    });
  }

  test(`killed at random moments and resumed (${backend})`, async (t) => {
    const random = seededRandom(t, 510);
    const { source, target } = await pair(t);
    let startAtBytes = 0;
    let kills = 0;
    for (let run = 0; run <= mostStops && startAtBytes < sizeBytes; run++) {
      const isKilled = run < mostStops;
      const request = { ...finely, ...(isKilled ? slowly : {}), backend, startAtBytes };
      const orders: Orders = { source, target, request, then: 'report' };
      const process = execaNode(child, [JSON.stringify(orders)], { reject: false });
      const lines = createInterface({ input: process.stdout });
      let durableBytes = startAtBytes;
      lines.on('line', (line) => {
        const progress = JSON.parse(line) as Partial<Progress>;
        durableBytes = progress.durableBytes ?? durableBytes;
      });
      if (isKilled) {
        await Promise.race([once(lines, 'line'), process]);
        await sleep(random.between(0, 250));
        process.kill('SIGKILL');
      }
      const { exitCode, signal } = await process;
      if (isKilled && signal === 'SIGKILL') kills++;
      else t.is(exitCode, 0);
      t.true(durableBytes >= startAtBytes);
      t.is(await cmp(source, target, durableBytes), '');
      startAtBytes = durableBytes;
    }
    t.true(kills > 0);
    t.is(startAtBytes, sizeBytes);
  });
}

test('cancelling before the beginning and after the end does no harm', async (t) => {
  const { source, target } = await pair(t);
  const input = await opened(t, source, 'r');
  const output = await opened(t, target, 'r+');
  const request = {
    source: descriptorEndpoint(input.fd),
    targets: [descriptorEndpoint(output.fd)],
    extents: Float64Array.of(0, sizeBytes),
  };
  const early = copy(request);
  early.cancel();
  early.cancel();
  await early.done;
  const late = copy(request);
  const { cancelled } = await late.done;
  late.cancel();
  t.false(cancelled);
  t.is(late.progress().durableBytes, sizeBytes);
  t.is(await cmp(source, target, sizeBytes), '');
});

test('starting anywhere in the work list copies the rest of it', async (t) => {
  const random = seededRandom(t, 511);
  const { source, target } = await pair(t);
  const input = await opened(t, source, 'r');
  const output = await opened(t, target, 'r+');
  const extents = Float64Array.of(10 * MiB, 5 * MiB, 0, 3 * MiB, 20 * MiB, MiB);
  const totalBytes = 9 * MiB;
  for (const startAtBytes of [0, 1, 5 * MiB, random.between(0, totalBytes), totalBytes]) {
    await fill(target, noise(3, sizeBytes));
    const job = copy({
      source: descriptorEndpoint(input.fd),
      targets: [descriptorEndpoint(output.fd)],
      extents,
      startAtBytes,
    });
    t.true(job.progress().durableBytes >= startAtBytes, 'also before its thread runs');
    const { progress } = await job.done;
    t.is(progress.completedBytes, totalBytes);
    t.is(progress.writtenBytes, totalBytes - startAtBytes);
  }
});
