/**
 * A process of its own that copies, for tests which end it in the middle:
 *   node child.js '{"source": …, "target": …, "request": …, "then": …}'
 * Each line it prints is JSON.
 */

import { openSync, fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import {
  copy,
  type CopyRequest,
  descriptorEndpoint,
  deviceInfo,
  engineInfo,
} from '../../src/engine/index.js';

export interface Orders {
  readonly source: string;
  readonly target: string;
  readonly request: Partial<CopyRequest>;
  /** Wait for the end; leave it running and fall off the end; look at it all the time; or end the process after `afterMs`. */
  readonly then: 'await' | 'leave' | 'look' | 'exit' | 'throw' | 'report';
  readonly afterMs?: number;
}

function say(line: object): void {
  if (isMainThread) process.stdout.write(`${JSON.stringify(line)}\n`);
  else parentPort?.postMessage(line);
}

async function run({ source, target, request, then, afterMs = 0 }: Orders): Promise<void> {
  const sourceFd = openSync(source, 'r');
  const targetFd = openSync(target, 'r+');
  const sizeBytes = Math.min(deviceInfo(sourceFd).sizeBytes, fstatSync(targetFd).size || Infinity);
  const job = copy({
    source: descriptorEndpoint(sourceFd),
    targets: [descriptorEndpoint(targetFd)],
    extents: Float64Array.of(0, sizeBytes),
    ...request,
  });
  say({ started: true, info: engineInfo() });
  if (then === 'leave') {
    void job.done.then(({ progress, backend }) => {
      say({ progress, backend });
    });
    return;
  }
  if (then === 'look') {
    // In native code at nearly every moment.
    for (;;) job.progress();
  }
  if (then === 'report') {
    const done = job.done.then(() => true);
    while (!(await Promise.race([done, sleep(5, false)]))) say(job.progress());
    say(job.progress());
    return;
  }
  if (then === 'await') {
    const { progress, backend } = await job.done;
    say({ progress, backend });
    return;
  }
  await sleep(afterMs);
  if (then === 'throw') throw new Error('thrown in the middle of a copy');
  process.exit(7);
}

await run(isMainThread ? (JSON.parse(process.argv[2] ?? '') as Orders) : (workerData as Orders));
