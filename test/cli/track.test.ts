/** `fastsync track` as a script uses it: what is printed is what was written, and nothing is lost. */

import path from 'node:path';
import { open } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { KillMoments } from '../support/kill-moment.js';
import { endingWithUs } from '../support/lifetime.js';
import { fastsync, fastsyncBin, fastsyncJson } from '../support/fastsync.js';
import { seededRandom } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { differences, load, Loop, mebibyte } from '../tracker/support.js';
import { firstOutput } from '../support/until.js';

async function trackedLoop(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'image'), 32 * mebibyte);
  const loop = await Loop.attach(t, image);
  t.teardown(() => fastsync(['track', 'stop', loop.device]));
  return { directory, image, loop, device: loop.device };
}

async function write(device: string, atBytes: number, bytes = 4096): Promise<void> {
  const place = [`seek=${atBytes}`, `bs=${bytes}`, 'count=1', 'oflag=direct,seek_bytes'];
  await execa('dd', ['if=/dev/urandom', `of=${device}`, ...place]);
}

interface Written {
  readonly missed: string | null;
  readonly dirtyBytes: number;
  readonly ranges: readonly { start: number; length: number }[];
}

async function drain(device: string, ...words: readonly string[]) {
  const result = await fastsync(['track', 'drain', device, '--format', 'json', ...words]);
  const written = JSON.parse(String(result.stdout)) as Written;
  return { ...written, exitCode: result.exitCode, stderr: String(result.stderr) };
}

test.serial('start, drain, peek, list, stop', async (t) => {
  const { device } = await trackedLoop(t);
  const before = await fastsync(['track', 'drain', device]);
  t.is(before.exitCode, 2);
  t.regex(
    String(before.stderr),
    /^error: no tracker runs on .*: nothing recorded the writes to it\./,
  );

  const started = await fastsyncJson(['track', 'start', device, '--granularity', '4K']);
  t.is(started.exitCode, 0, started.stderr);
  t.is(started.summary.granularityBytes, 4096);
  t.is(started.summary.memoryBytes, (2 * (32 * mebibyte)) / 4096 / 8);
  t.is((await fastsync(['track', 'start', device])).exitCode, 2);

  await write(device, mebibyte, 8192);
  const range = { start: mebibyte, length: 8192 };
  t.deepEqual((await drain(device, '--peek')).ranges, [range]);
  const { summary } = await fastsyncJson(['track', 'list']);
  const all = summary.trackers as { path: string; dirtyBytes: number; missed: null }[];
  const { dirtyBytes, missed } = all.find((one) => one.path === device) ?? {};
  t.deepEqual([dirtyBytes, missed], [8192, null]);
  t.deepEqual((await drain(device)).ranges, [range]);
  t.deepEqual(await drain(device), { ...(await drain(device)), ranges: [], exitCode: 0 });

  t.is((await fastsync(['track', 'stop', device])).exitCode, 0);
  t.is((await fastsync(['track', 'stop', device])).exitCode, 2);
});

test.serial('every format says the same', async (t) => {
  const { device } = await trackedLoop(t);
  await fastsync(['track', 'start', device]);
  await write(device, 0);
  await write(device, 5 * 65536, 3 * 65536);
  await write(device, 32 * mebibyte - 4096);
  const printed = async (format: string) =>
    String((await fastsync(['track', 'drain', device, '--peek', '--format', format])).stdout);
  const end = 32 * mebibyte - 65536;
  const expected = [
    [0, 65536],
    [327680, 196608],
    [end, 65536],
  ];
  t.deepEqual(
    (await drain(device, '--peek')).ranges.map((one) => [one.start, one.length]),
    expected,
  );
  const numbers = (text: string, line: RegExp) =>
    [...text.matchAll(line)].map(([, start, length]) => [Number(start), Number(length)]);
  t.deepEqual(numbers(await printed('text'), /^(\d+) (\d+)$/gm), expected);
  t.deepEqual(numbers(await printed('ddrescue'), /^(0x\S+) +(0x\S+) +\+$/gm), expected);
  t.deepEqual(numbers(await printed('extentlist'), /^(\d+) (\d+)$/gm), expected);
  t.deepEqual(
    numbers(await printed('qemu'), /"start": (\d+), "length": (\d+),.*"data": true/g),
    expected,
  );
  const bmap = await printed('bmap');
  t.regex(bmap, /<MappedBlocksCount> 80 /);
  t.deepEqual(
    [...bmap.matchAll(/<Range> (\S+) </g)].map(([, range]) => range),
    ['0-15', '80-127', '8176-8191'],
  );
});

test.serial('what nobody read is told again', async (t) => {
  const { device } = await trackedLoop(t);
  await fastsync(['track', 'start', device]);
  await write(device, mebibyte);
  // /dev/full takes nothing.
  const command = ['exec "$@" >/dev/full', 'bash', process.execPath, fastsyncBin];
  const words = ['track', 'drain', device];
  const lost = await execa('bash', ['-c', ...command, ...words], { reject: false });
  t.regex(
    lost.stderr,
    /^error: the output cannot be written: [^\n]*\nerror: the output was not read [^\n]*$/,
  );
  t.is(lost.exitCode, 3);
  await write(device, 2 * mebibyte);
  t.deepEqual(
    (await drain(device)).ranges.map(({ start }) => start),
    [mebibyte, 2 * mebibyte],
  );
  t.deepEqual((await drain(device)).ranges, []);
});

const leastKills = 12;

test.serial('drains that are killed at random, under load: the replica is the same', async (t) => {
  const random = seededRandom(t, 11);
  const { directory, image, device } = await trackedLoop(t);
  const replica = path.join(directory, 'replica');
  await fastsync(['track', 'start', device, '--granularity', '4K']);
  await execa('cp', [image, replica]);
  const writes = { areOver: false };
  let work: Promise<unknown> = Promise.resolve();
  const startWriting = () => {
    writes.areOver = false;
    work = load(device, random.between(0, 2 ** 31), 3000).finally(() => {
      writes.areOver = true;
    });
  };
  await using from = await open(image);
  await using to = await open(replica, 'r+');
  const moments = new KillMoments(random, 500);
  let killed = 0;
  let killedWhenTold = 0;
  startWriting();
  for (let round = 0, isLast = false; !isLast; round++) {
    if (writes.areOver && killed < leastKills) {
      await work;
      startWriting();
    }
    isLast = writes.areOver;
    const victim = fastsync(['track', 'drain', device, '--format', 'json']);
    if (round % 2 === 0) {
      if (await moments.kill(victim)) killed++;
    } else {
      // It has printed, and may or may not have cleared.
      victim.stdout?.once('data', () => victim.kill('SIGKILL'));
      if ((await victim).signal === 'SIGKILL') killedWhenTold++;
    }
    // What a killed drain has printed whole counts as told: it may have been cleared.
    const texts = [String((await victim).stdout)];
    texts.push(String((await fastsync(['track', 'drain', device, '--format', 'json'])).stdout));
    for (const text of texts) {
      if (!text.endsWith(']}')) continue;
      const { ranges, missed } = JSON.parse(text) as Written;
      t.is(missed, null);
      for (const { start, length } of ranges) {
        const bytes = Buffer.alloc(length);
        const { bytesRead } = await from.read(bytes, 0, length, start);
        await to.write(bytes, 0, bytesRead, start);
      }
    }
  }
  await work;
  t.log(`${killed} drains killed at random moments, ${killedWhenTold} as soon as they printed`);
  t.is(await differences(image, replica), '');
});

test.serial('another device of the same name: exit code 3, and a sentence', async (t) => {
  const { device, loop } = await trackedLoop(t);
  await fastsync(['track', 'start', device]);
  await loop.detach();
  await loop.attachAgain();
  const { missed, exitCode, stderr } = await drain(device);
  t.is(exitCode, 3);
  t.regex(String(missed), /was detached/);
  t.regex(stderr, /may have missed writes: the device was detached/);
});

test.serial('bad input', async (t) => {
  const { device, image } = await trackedLoop(t);
  for (const [words, message] of [
    [['track'], /Name a command/],
    [['track', 'start', '/nowhere'], /does not exist/],
    [['track', 'start', path.dirname(image)], /is a directory/],
    [['track', 'start', device, '--granularity', '5000'], /power of two/],
    [['track', 'start', device, '--granularity', 'x'], /expected a size/],
    [['track', 'drain', device, '--format', 'xml'], /Invalid values/],
    [['track', 'drain', '/nowhere'], /no tracker runs/],
  ] as const) {
    const { exitCode, stderr } = await fastsync(words);
    t.is(exitCode, 2, words.join(' '));
    t.regex(String(stderr), message);
    t.notRegex(String(stderr), /\n\s+at /);
  }
});

/** A mount namespace in which no BPF file system is mounted: commands run in it until the test ends. */
async function withoutBpfFs(t: ExecutionContext) {
  const script =
    'for at in /sys/fs/bpf /run/fastsync/bpf; do while mountpoint -q "$at"; do umount --lazy "$at"; done; done; echo ready; exec cat';
  const holder = execa(
    ...endingWithUs('unshare', ['--mount', '--propagation', 'private', 'bash', '-euc', script]),
    { reject: false },
  );
  t.teardown(async () => {
    holder.kill('SIGKILL');
    await holder;
  });
  await firstOutput(holder);
  return (...words: readonly string[]) =>
    execa('nsenter', ['--target', String(holder.pid), '--mount', ...words], { reject: false });
}

const ownMount = '/run/fastsync/bpf';

test.serial('a BPF file system that was mounted for trackers goes with the last one', async (t) => {
  const [first, second] = [await trackedLoop(t), await trackedLoop(t)];
  const run = await withoutBpfFs(t);
  const track = async (what: string, device: string) => {
    const { exitCode, stderr } = await run(process.execPath, fastsyncBin, 'track', what, device);
    t.is(exitCode, 0, stderr);
  };
  const isMounted = async () => (await run('mountpoint', '-q', ownMount)).exitCode === 0;
  await track('start', first.device);
  await track('start', second.device);
  await track('stop', first.device);
  t.true(await isMounted());
  await track('drain', second.device);
  // One goes while another comes: whoever comes finds a place that stays.
  for (let round = 0; round < 6; round++) {
    const [going, coming] = round % 2 === 0 ? [second, first] : [first, second];
    await Promise.all([track('stop', going.device), track('start', coming.device)]);
    await track('drain', coming.device);
  }
  // What a start that was killed has left keeps nothing.
  await run('mkdir', `${ownMount}/starting-1`);
  await track('stop', second.device);
  t.false(await isMounted());

  await run('mount', '-t', 'bpf', 'bpf', ownMount);
  await track('start', first.device);
  await track('stop', first.device);
  t.true(await isMounted(), 'somebody else mounted it');
});
