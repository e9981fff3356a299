/** Replicas that follow a volume by its tracker alone: what they lack, the tracker missed. */

import { type FileHandle, open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { readPast } from '../../src/engine/index.js';
import { eachExtent, totalBytes } from '../../src/region/index.js';
import { startTracker, type Tracker, type TrackerOptions } from '../../src/tracker/index.js';
import { openVolume } from '../../src/volume/index.js';
import type { Owner } from '../support/scratch.js';

export const mebibyte = 2 ** 20;

/** Starts a tracker that ends with the test. */
export async function trackerOf(
  t: Owner,
  volume: string,
  options: TrackerOptions = {},
): Promise<Tracker> {
  await using opened = await openVolume(volume);
  const tracker = await startTracker(opened, options);
  t.teardown(() => tracker.stop());
  return tracker;
}

/** A loop device that a test may detach itself: never twice, for it may be somebody else's by then. */
export class Loop {
  readonly device: string;
  readonly image: string;
  #isAttached = true;

  private constructor(device: string, image: string) {
    this.device = device;
    this.image = image;
  }

  static async attach(t: Owner, image: string): Promise<Loop> {
    const { stdout } = await execa('losetup', ['--find', '--show', image]);
    const loop = new Loop(stdout, image);
    t.teardown(() => loop.detach());
    return loop;
  }

  async detach(): Promise<void> {
    if (!this.#isAttached) return;
    this.#isAttached = false;
    await execa('losetup', ['--detach', this.device]);
  }

  async attachAgain(): Promise<void> {
    await execa('losetup', [this.device, this.image]);
    this.#isAttached = true;
  }
}

/** A load on the device: `load.py`, which also says how many bytes it touched. */
export function load(device: string, seed: number, operations: number, ...limit: [number?]) {
  const script = fileURLToPath(new URL('../../../test/tracker/load.py', import.meta.url));
  return execa('python3', [script, device, String(seed), ...[operations, ...limit].map(String)]);
}

/** What is on the volume, not in its cache: there, bytes whose write was lost would look as if copied. */
export type Source = (start: number, length: number) => Promise<Uint8Array>;

/** Reads what a loop device stands on, or a part of it. */
export function imageSource(handle: FileHandle, offsetBytes = 0): Source {
  return async (start, length) => {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await handle.read(bytes, 0, length, offsetBytes + start);
    return bytes.subarray(0, bytesRead);
  };
}

export function deviceSource(handle: FileHandle): Source {
  return (start, length) => readPast(handle.fd, start, length);
}

export interface Followed {
  readonly drains: number;
  readonly drainedBytes: number;
}

/**
 * Until `work` is done, drains the tracker again and again and copies what it says from `source` to
 * `replica`; once more afterwards.
 */
export async function follow(
  t: ExecutionContext,
  tracker: Tracker,
  source: Source,
  replica: string,
  work: Promise<unknown>,
): Promise<Followed> {
  const state = { isDone: false };
  const ended = work.finally(() => {
    state.isDone = true;
  });
  const followed = { drains: 0, drainedBytes: 0 };
  await using to = await open(replica, 'r+');
  for (let isLast = false; !isLast;) {
    isLast = state.isDone;
    const { dirty, missed } = await tracker.drain();
    t.is(missed, null);
    followed.drains++;
    followed.drainedBytes += totalBytes(dirty);
    for (const { start, length } of eachExtent(dirty)) {
      const bytes = await source(start, length);
      await to.write(bytes, 0, bytes.length, start);
    }
    await new Promise(setImmediate);
  }
  await ended;
  return followed;
}

/** cmp's word: empty if the files are the same. */
export async function differences(left: string, right: string): Promise<string> {
  const { stdout, stderr } = await execa('cmp', [left, right], { reject: false });
  return stdout + stderr;
}
