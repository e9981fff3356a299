/** What a tracker says when writes may have been missed, and what it cannot track. */

import path from 'node:path';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { startTracker } from '../../src/tracker/index.js';
import { openVolume } from '../../src/volume/index.js';
import { mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { Loop, mebibyte, trackerOf } from './support.js';
import { during, until } from '../support/until.js';

async function loopOf(t: ExecutionContext, bytes = 16 * mebibyte, folder?: string) {
  const directory = folder ?? (await scratchDirectory(t));
  const image = await sparseFile(path.join(directory, 'image'), bytes);
  const loop = await Loop.attach(t, image);
  return { image, device: loop.device, loop };
}

function write(device: string, atBytes: number) {
  const place = [`seek=${atBytes}`, 'bs=4096', 'count=1', 'oflag=direct,seek_bytes'];
  return execa('dd', ['if=/dev/urandom', `of=${device}`, ...place]);
}

/** The ids of the programs that a process holds, from its descriptors. */
async function programsOf(pid: number): Promise<number[]> {
  const directory = `/proc/${pid}/fdinfo`;
  const texts = await Promise.all(
    (await readdir(directory)).map((fd) => readFile(`${directory}/${fd}`, 'utf8').catch(() => '')),
  );
  const ids = texts.flatMap((text) => /^prog_id:\s+(\d+)$/m.exec(text)?.[1] ?? []);
  return [...new Set(ids.map(Number))];
}

async function isLoaded(program: number): Promise<boolean> {
  const words = ['prog', 'show', 'id', String(program)];
  return (await execa('bpftool', words, { reject: false })).exitCode === 0;
}

test.serial('nothing is missed, and marks are taken once', async (t) => {
  const { device } = await loopOf(t);
  const tracker = await trackerOf(t, device);
  await write(device, 5 * 65536 + 4096);
  t.deepEqual(await tracker.peek(), { dirtyBytes: 65536 });
  t.deepEqual(await tracker.drain(), { dirty: Float64Array.of(5 * 65536, 65536), missed: null });
  t.deepEqual(await tracker.drain(), { dirty: new Float64Array(0), missed: null });
  const { backend, memoryBytes, eventsSeen } = await tracker.health();
  t.deepEqual(
    { backend, memoryBytes, eventsSeen },
    { backend: 'bpf', memoryBytes: 32, eventsSeen: 2 },
  );
  await tracker.stop();
  await tracker.stop();
});

test.serial('a write is marked when it is submitted, and again when it completes', async (t) => {
  // A loop device on a file of a frozen file system: its writes wait.
  const host = await loopOf(t, 300 * mebibyte);
  await execa('mkfs.ext4', ['-q', host.device]);
  const { directory } = await mounted(t, host.device);
  const { device } = await loopOf(t, 16 * mebibyte, directory);
  const tracker = await trackerOf(t, device);
  const frozen = execa('fsfreeze', ['--freeze', directory]);
  const thaw = () => execa('fsfreeze', ['--unfreeze', directory], { reject: false });
  t.teardown(thaw);
  await frozen;
  const writing = write(device, 2 * mebibyte);
  await during(writing, async () => (await tracker.peek()).dirtyBytes > 0);
  const marked = { dirty: Float64Array.of(2 * mebibyte, 65536), missed: null };
  t.deepEqual(await tracker.drain(), marked);
  t.deepEqual((await tracker.drain()).dirty, new Float64Array(0));
  await thaw();
  await writing;
  t.deepEqual(await tracker.drain(), marked);
});

test.serial('the granularity', async (t) => {
  const { device } = await loopOf(t);
  const volume = await openVolume(device);
  for (const granularityBytes of [0, 2048, 4095, 12288, 2 ** 31, NaN, -4096, 65536.5]) {
    await t.throwsAsync(startTracker(volume, { granularityBytes }), { instanceOf: RangeError });
  }
  const tracker = await trackerOf(t, device, { granularityBytes: 2 ** 20 });
  await write(device, 3 * mebibyte + 8192);
  t.deepEqual([...(await tracker.drain()).dirty], [3 * mebibyte, mebibyte]);
  await volume.close();
});

test.serial('64 TiB: the last mark, the memory announced, discards of gibibytes', async (t) => {
  // Files of this size live in memory only.
  const folder = await scratchDirectory(t, '/dev/shm');
  const sizeBytes = 2 ** 46;
  const { device } = await loopOf(t, sizeBytes, folder);
  const tracker = await trackerOf(t, device);
  t.is((await tracker.health()).memoryBytes, sizeBytes / 65536 / 8);
  await write(device, sizeBytes - 4096);
  await write(device, 2 ** 45);
  t.deepEqual([...(await tracker.drain()).dirty], [2 ** 45, 65536, sizeBytes - 65536, 65536]);
  await execa('blkdiscard', [
    '--offset',
    String(2 ** 44 + 512),
    '--length',
    String(2 ** 36),
    device,
  ]);
  t.deepEqual([...(await tracker.drain()).dirty], [2 ** 44, 2 ** 36 + 65536]);
  const fine = await trackerOf(t, device, { granularityBytes: 4096 });
  t.is(fine.granularityBytes, 32768);
  t.is((await fine.health()).memoryBytes, 2 ** 28);
});

for (const [counter, offset, sentence] of [
  ['unknownRanges', 8, /raw commands/],
  ['inFlightTableFull', 16, /more writes were in flight/],
  ['unmatchedCompletions', 24, /seen its submission/],
  ['failures', 32, /could not record/],
] as const) {
  test.serial(`a counter that must be zero and is not: ${counter}`, async (t) => {
    const { device } = await loopOf(t);
    const tracker = await trackerOf(t, device);
    t.is((await tracker.drain()).missed, null);
    await poke(t, offset);
    t.regex(String((await tracker.drain()).missed), sentence);
    t.regex(String((await tracker.drain()).missed), sentence);
    t.regex(String((await tracker.health()).missed), sentence);
  });
}

/** Adds one to a counter (native/bpf/layout.h) of this process's tracker, on the first processor. */
async function poke(t: ExecutionContext, offset: number): Promise<void> {
  const [program] = await programsOf(process.pid);
  const { stdout: shown } = await execa('bpftool', ['-j', 'prog', 'show', 'id', String(program)]);
  const { map_ids } = JSON.parse(shown) as { map_ids: number[] };
  for (const id of map_ids) {
    const { stdout } = await execa('bpftool', ['-j', 'map', 'show', 'id', String(id)]);
    const { name, bytes_value } = JSON.parse(stdout) as { name: string; bytes_value: number };
    if (name !== 'counts') continue;
    const value = Array.from({ length: bytes_value }, (_, at) => (at === offset ? '1' : '0'));
    const where = ['id', String(id), 'key', '0', '0', '0', '0', 'value', ...value];
    await execa('bpftool', ['map', 'update', ...where]);
    return;
  }
  t.fail('the tracker has no counters');
}

test.serial('a device that changes its size, or is another one', async (t) => {
  const { image, device, loop } = await loopOf(t);
  const tracker = await trackerOf(t, device);
  await execa('truncate', ['--size', '32M', image]);
  await execa('losetup', ['--set-capacity', device]);
  t.regex(String((await tracker.drain()).missed), /the size or the start/);

  const second = await trackerOf(t, device);
  t.is((await second.drain()).missed, null);
  await loop.detach();
  await loop.attachAgain();
  t.regex(String((await second.drain()).missed), /was detached/);
  await loop.detach();
  t.regex(String((await second.drain()).missed), /was detached/);
});

test.serial('kill -9 leaves nothing in the kernel', async (t) => {
  const { device } = await loopOf(t);
  const script = fileURLToPath(new URL('child.js', import.meta.url));
  const child = execa(...endingWithUs(process.execPath, [script, device]), { reject: false });
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout) {
    if (String(text).includes('ready')) break;
  }
  const programs = await programsOf(child.pid ?? 0);
  // One where writes are submitted, three where they complete.
  t.is(programs.length, 4);
  for (const program of programs) t.true(await isLoaded(program));
  child.kill('SIGKILL');
  await child;
  for (const program of programs) {
    await until(async () => !(await isLoaded(program)));
  }
});

test.serial(
  'files: through the loop device that they are attached to, or not at all',
  async (t) => {
    const { image, device, loop } = await loopOf(t);
    const tracker = await trackerOf(t, image);
    await write(device, mebibyte);
    t.deepEqual([...(await tracker.drain()).dirty], [mebibyte, 65536]);
    t.is(tracker.volume.path, image);
    const other = await Loop.attach(t, image);
    const expected = { code: 'TRACKER_UNSUPPORTED' };
    await t.throwsAsync(trackerOf(t, image), { ...expected, message: /several loop devices/ });
    await other.detach();
    await loop.detach();
    await t.throwsAsync(trackerOf(t, image), { ...expected, message: /is a file/ });
  },
);

test.serial('a user who may not track is refused, and reads what to do', async (t) => {
  const { device } = await loopOf(t);
  const script = fileURLToPath(new URL('child.js', import.meta.url));
  const drop = ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--'];
  const { exitCode, stderr } = await execa('setpriv', [...drop, process.execPath, script, device], {
    reject: false,
  });
  t.not(exitCode, 0);
  t.regex(stderr, /TRACKER_UNSUPPORTED/);
  t.regex(stderr, /this user may not load the write tracker/);
});
