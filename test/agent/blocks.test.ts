/** An agent that serves blocks to a driver that cannot be trusted. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeFrame } from '../../src/protocol/frame.js';
import { bannerLine } from '../../src/protocol/index.js';
import { type Block, blockFrame } from '../support/blocks.js';
import { fastsyncBin } from '../support/fastsync.js';
import { endingWithUs } from '../support/lifetime.js';
import { type Random, seededRandom } from '../support/random.js';
import { repetitions } from '../support/repetitions.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { during } from '../support/until.js';

const mebibyte = 1024 ** 2;

const seed = 0n;
const control = (message: object) =>
  encodeFrame({ kind: 'control', payload: Buffer.from(JSON.stringify(message)) }, seed);

/** A driver that speaks by itself, to an agent that has begun to serve the blocks of `file`. */
async function driver(t: ExecutionContext, file: string) {
  const sizeBytes = (await stat(file)).size;
  const [program, words] = endingWithUs(process.execPath, [
    ...[fastsyncBin, 'agent', '--peer-timeout', '5s'],
  ]);
  const agent = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  t.teardown(() => agent.kill('SIGKILL'));
  agent.stdin.on('error', () => undefined);
  let said = '';
  let stderr = '';
  let mostKilobytes = 0;
  agent.stdout.on(
    'data',
    (data: Buffer) => (said = `${said}${data.toString('latin1')}`.slice(-9000)),
  );
  agent.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const exit = once(agent, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const look = async () => {
    const text = await readFile(`/proc/${agent.pid ?? 0}/status`, 'utf8').catch(() => '');
    mostKilobytes = Math.max(mostKilobytes, Number(/VmHWM:\s*(\d+)/.exec(text)?.[1] ?? 0));
  };
  agent.stdin.write(bannerLine());
  const ask = async (message: object, answer: string) => {
    agent.stdin.write(control(message));
    await during(exit, () => said.includes(answer));
  };
  await ask({ id: 1, type: 'hello', seed: '0'.repeat(16) }, '"id":1,"type":"reply"');
  await ask({ id: 2, type: 'inspect', path: file }, '"id":2,"type":"reply"');
  const options = { sizeBytes, exclusive: true, overrides: ['yes'], holds: [], stamp: null };
  await ask({ id: 3, type: 'openTarget', path: file, ...options }, '"id":3,"type":"reply"');
  await ask({ id: 4, type: 'blocks' }, '"granularityBytes"');
  return {
    agent,
    /** So much, however fast it is taken; what cannot be sent any more is not. */
    send: async (bytes: Uint8Array) => {
      if (agent.stdin.destroyed || agent.stdin.write(bytes)) return;
      // It may end before it has taken all of it.
      await Promise.race([once(agent.stdin, 'drain').catch(() => undefined), exit]);
    },
    /** Resolves with how it ended. */
    ended: async () => {
      let isOver = false;
      void exit.then(() => (isOver = true));
      await during(exit, async () => {
        await look();
        return isOver;
      });
      const [exitCode, signal] = await exit;
      return { exitCode, signal, stderr, mostKilobytes };
    },
  };
}

type Ending = Awaited<ReturnType<Awaited<ReturnType<typeof driver>>['ended']>>;

function assertDecent(
  t: ExecutionContext,
  { exitCode, signal, stderr, mostKilobytes }: Ending,
  what: string,
) {
  t.is(signal, null, `${what}: ${stderr}`);
  t.true(exitCode === 0 || exitCode === 6, `${what}: ${String(exitCode)} ${stderr}`);
  t.notRegex(stderr, /\n\s+at |bug/, what);
  t.regex(stderr, /^(error: [^\n]+\n)?$/, what);
  t.true(mostKilobytes < 200_000, `${what}: ${mostKilobytes} KiB`);
}

function extentList(extents: readonly (readonly [bigint, bigint])[]): Buffer {
  const list = Buffer.alloc(extents.length * 16);
  extents.forEach(([start, length], index) => {
    list.writeBigUInt64LE(BigInt.asUintN(64, start), index * 16);
    list.writeBigUInt64LE(BigInt.asUintN(64, length), index * 16 + 8);
  });
  return list;
}

/** Mostly within the volume, so that some of what follows is still heard. */
function anyBlock(random: Random, sizeBytes: number, isHostile: boolean): Block {
  const tag = BigInt(random.between(0, 100));
  const op = random.between(1, 8);
  const start = random.between(0, sizeBytes - 1);
  const length = random.between(
    1,
    Math.min(sizeBytes - start, random.pick([20, 5000, 300_000])) + 1,
  );
  const range = { tag, op, offset: BigInt(start), length: BigInt(length) };
  const good: Block =
    op === 1
      ? { ...range, data: Buffer.alloc(length, random.between(0, 256)) }
      : op === 4
        ? { tag, op }
        : op < 6
          ? range
          : { ...range, data: extentList([[BigInt(start), BigInt(length)]]) };
  if (!isHostile) return good;
  const huge = random.pick([2n ** 64n - 1n, 2n ** 63n, BigInt(sizeBytes), BigInt(sizeBytes) + 1n]);
  const near = BigInt(sizeBytes) - BigInt(random.between(0, 4096));
  return random.pick<() => Block>([
    () => ({ ...good, op: random.between(0, 256) }),
    () => ({ ...good, length: huge }),
    () => ({ ...good, offset: huge }),
    () => ({ ...good, offset: near, length: 4097n }),
    () => ({ ...good, offset: huge, length: 2n ** 64n - huge + 4096n }),
    () => ({ ...good, length: 0n }),
    () => ({ ...good, errnum: 5 }),
    () => ({ ...good, op: 1, data: Buffer.alloc(length + 1) }),
    () => ({ ...good, op: 5, length: BigInt(mebibyte) + 1n }),
    () => ({ ...good, payloadBytes: random.between(0, 2 ** 32) }),
    () => ({ ...good, kind: random.between(0, 256) }),
    () => ({ ...good, op: random.pick([6, 7]), data: random.bytes(random.between(0, 200)) }),
    () => ({
      ...good,
      op: 7,
      data: extentList([
        [0n, 10n],
        [5n, 10n],
      ]),
      offset: 0n,
      length: 20n,
    }),
    () => ({
      ...good,
      op: 7,
      data: extentList([
        [10n, 5n],
        [0n, 5n],
      ]),
      offset: 0n,
      length: 20n,
    }),
    () => ({ ...good, op: 6, data: extentList([[0n, 2n ** 64n - 1n]]) }),
    () => ({ ...good, op: 6, data: extentList([[2n ** 64n - 4096n, 8192n]]) }),
    () => ({
      ...good,
      op: 6,
      data: extentList(Array.from({ length: 4097 }, (_, i) => [BigInt(i), 1n])),
      offset: 0n,
      length: 5000n,
    }),
    () => ({ tag, op: 8 }),
  ])();
}

test.serial(
  'a driver that sends anything whatever crashes no agent, and leaves the rest alone',
  async (t) => {
    const random = seededRandom(t, 1403);
    const directory = await scratchDirectory(t);
    for (let round = 0; round < repetitions({ whole: 200, sample: 30 }); round++) {
      const sizeBytes = random.pick([mebibyte, 3 * mebibyte + 512, 2 * mebibyte + 4097, 5001]);
      const file = await sparseFile(path.join(directory, `volume${round}`), sizeBytes);
      const { agent, send, ended } = await driver(t, file);
      const frames = random.between(1, 60);
      for (let frame = 0; frame < frames; frame++) {
        const isHostile = frame > 2 && random.next() < 0.1;
        await send(blockFrame(anyBlock(random, sizeBytes, isHostile), seed));
      }
      agent.stdin.end();
      const ending = await ended();
      assertDecent(t, ending, `round ${round}`);
      t.is((await stat(file)).size, sizeBytes, `round ${round}`);
    }
  },
);

const fourThousand = extentList(Array.from({ length: 4096 }, (_, i) => [BigInt(i), 1n]));

const floods: Readonly<Record<string, Block>> = {
  flush: { op: 4 },
  zero: { op: 2, length: 4096n },
  'large reads': { op: 5, length: BigInt(mebibyte) },
  'small reads': { op: 5, length: 1n },
  writes: { op: 1, length: 65_536n, data: Buffer.alloc(65_536, 1) },
  'lists of digests': { op: 7, length: 4096n, data: fourThousand },
};

for (const [name, block] of Object.entries(floods)) {
  for (const then of ['goes away', 'stays'] as const) {
    test.serial(`5000 requests (${name}) of a driver that reads nothing and ${then}`, async (t) => {
      const directory = await scratchDirectory(t);
      const file = await sparseFile(path.join(directory, 'volume'), 4 * mebibyte);
      const { agent, send, ended } = await driver(t, file);
      agent.stdout.pause();
      const frame = blockFrame(block, seed);
      const sending = (async () => {
        for (let request = 0; request < 5000; request++) await send(frame);
        if (then === 'goes away') agent.stdin.end();
      })();
      const ending = await ended();
      await sending;
      assertDecent(t, ending, name);
      t.is((await stat(file)).size, 4 * mebibyte);
    });
  }
}

test.serial(
  'a driver that goes away is not waited for, however much it has asked for',
  async (t) => {
    const directory = await scratchDirectory(t, '/dev/shm');
    const sizeBytes = 2 ** 52;
    const file = await sparseFile(path.join(directory, 'volume'), sizeBytes);
    const { agent, send, ended } = await driver(t, file);
    const whole = extentList([[0n, BigInt(sizeBytes)]]);
    await send(blockFrame({ op: 6, length: BigInt(sizeBytes), data: whole }, seed));
    agent.stdin.end();
    const ending = await ended();
    assertDecent(t, ending, 'a digest of it all');
  },
);
