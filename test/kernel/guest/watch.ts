/** Holds what a tracker says against what really changed on its device, read before and after. */

import assert from 'node:assert/strict';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import {
  eachExtent,
  emptyExtents,
  ExtentBuilder,
  type ExtentList,
  subtract,
  totalBytes,
  union,
} from '../../../src/region/index.js';
import type { Tracker } from '../../../src/tracker/index.js';
import { type Owner, scratchDirectory } from '../../support/scratch.js';
import {
  deviceSource,
  differences,
  mebibyte,
  type Source,
  trackerOf,
} from '../../tracker/support.js';

/** Finer than the usual granularity, so that little is marked that did not change. */
const granularityBytes = 4096;

export interface Seen {
  readonly changedBytes: number;
  readonly drainedBytes: number;
  readonly drains: number;
}

/** A tracked device, and a replica of it that is given nothing but what the tracker says. */
export class Watch {
  readonly device: string;
  readonly tracker: Tracker;
  readonly #source: Source;
  readonly #directory: string;
  readonly #replica: FileHandle;
  #everDirty: ExtentList = emptyExtents;
  #drains = 0;

  private constructor(
    device: string,
    tracker: Tracker,
    source: Source,
    directory: string,
    replica: FileHandle,
  ) {
    this.device = device;
    this.tracker = tracker;
    this.#source = source;
    this.#directory = directory;
    this.#replica = replica;
  }

  /** On a device that nobody writes to yet. */
  static async start(owner: Owner, device: string): Promise<Watch> {
    const directory = await scratchDirectory(owner);
    const [before, replica] = [path.join(directory, 'before'), path.join(directory, 'replica')];
    await imageOf(device, before);
    await execa('cp', ['--sparse=always', before, replica]);
    const from = await open(device);
    owner.teardown(() => from.close());
    const to = await open(replica, 'r+');
    owner.teardown(() => to.close());
    const tracker = await trackerOf(owner, device, { granularityBytes });
    return new Watch(device, tracker, deviceSource(from), directory, to);
  }

  /** Drains, and copies what was drained. */
  async pass(): Promise<void> {
    const { dirty, missed } = await this.tracker.drain();
    assert.equal(missed, null);
    this.#drains++;
    this.#everDirty = union(this.#everDirty, dirty);
    for (const { start, length } of eachExtent(dirty)) {
      for (let at = start; at < start + length; at += mebibyte) {
        const bytes = await this.#source(at, Math.min(mebibyte, start + length - at));
        await this.#replica.write(bytes, 0, bytes.length, at);
      }
    }
  }

  /** With nobody writing any more: one last pass, and whatever changed was drained, and copied. */
  async check(): Promise<Seen> {
    await this.pass();
    const file = (name: string) => path.join(this.#directory, name);
    await imageOf(this.device, file('after'));
    const changed = await changedBetween(file('before'), file('after'));
    const missed = subtract(changed, this.#everDirty);
    assert.deepEqual([...missed], [], `${this.device}: changed and not drained`);
    await this.#replica.sync();
    assert.equal(await differences(file('after'), file('replica')), '', this.device);
    const drainedBytes = totalBytes(this.#everDirty);
    return { changedBytes: totalBytes(changed), drainedBytes, drains: this.#drains };
  }
}

/** Whoever writes shall come to it: an emulated machine has little time for both. */
const pauseMs = 50;

/** Passes over all of them, again and again, until the work is done. */
export async function passUntil(watches: readonly Watch[], work: Promise<unknown>): Promise<void> {
  const state = { isDone: false };
  const ended = work.finally(() => {
    state.isDone = true;
  });
  // If a pass fails, that is what is told, not what becomes of the work.
  ended.catch(() => undefined);
  while (!state.isDone) {
    for (const watch of watches) await watch.pass();
    await sleep(pauseMs);
  }
  await ended;
}

/** dd's word of what is on the device, past its page cache. */
async function imageOf(device: string, file: string): Promise<void> {
  const words = [`if=${device}`, `of=${file}`, 'bs=1M', 'iflag=direct', 'conv=sparse'];
  await execa('dd', [...words, 'status=none']);
  const { stdout: sizeBytes } = await execa('blockdev', ['--getsize64', device]);
  await execa('truncate', ['--size', sizeBytes, file]);
}

/** What differs, in steps of the granularity. */
async function changedBetween(before: string, after: string): Promise<ExtentList> {
  await using left = await open(before);
  await using right = await open(after);
  const [one, other] = [Buffer.alloc(mebibyte), Buffer.alloc(mebibyte)];
  const changed = new ExtentBuilder();
  for (let at = 0; ; at += mebibyte) {
    const { bytesRead } = await left.read(one, 0, mebibyte, at);
    assert.equal((await right.read(other, 0, mebibyte, at)).bytesRead, bytesRead);
    if (bytesRead === 0) return changed.finish();
    if (one.equals(other)) continue;
    for (let step = 0; step < bytesRead; step += granularityBytes) {
      const end = Math.min(step + granularityBytes, bytesRead);
      if (one.compare(other, step, end, step, end) !== 0) changed.add(at + step, at + end);
    }
  }
}
