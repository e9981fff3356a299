/** The agent by itself, over pipes: what it answers, what it refuses, and how it ends. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { Calls } from '../../src/protocol/calls.js';
import { encodeNumbers } from '../../src/protocol/lists.js';
import { encodeFrame } from '../../src/protocol/frame.js';
import { bannerLine, Link, streamChannel } from '../../src/protocol/index.js';
import { fastsyncBin } from '../support/fastsync.js';
import { endingWithUs } from '../support/lifetime.js';
import { seededRandom } from '../support/random.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { during } from '../support/until.js';
import { writeFile } from 'node:fs/promises';

const mebibyte = 1024 * 1024;

function startAgent(t: ExecutionContext, words: readonly string[] = []) {
  const [file, all] = endingWithUs(process.execPath, [fastsyncBin, 'agent', ...words]);
  const agent = execa(file, all, {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    reject: false,
    encoding: 'buffer',
  });
  t.teardown(async () => {
    agent.kill('SIGKILL');
    await agent;
  });
  return agent;
}

async function session(t: ExecutionContext, words: readonly string[] = []) {
  const agent = startAgent(t, words);
  const calls = new Calls(
    (mostAttachedBytes) =>
      new Link({
        channel: streamChannel({ input: agent.stdout, output: agent.stdin }),
        peer: 'the agent',
        silenceMs: 600_000,
        mostAttachedBytes,
      }),
  );
  const seed = '00112233445566aa';
  const greeted = calls.call({ type: 'hello', body: { seed } });
  calls.link.sendWithSeed(BigInt(`0x${seed}`));
  calls.link.expectSeed(BigInt(`0x${seed}`));
  const { reply } = await greeted;
  return { agent, calls, hello: reply };
}

async function volumeFile(t: ExecutionContext, seed: number) {
  const random = seededRandom(t, seed);
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'volume');
  await writeFile(file, random.bytes(8 * mebibyte));
  return { file, directory, bytes: await readFile(file) };
}

test('it answers for one volume: what it is, its bytes, its digests, its writes', async (t) => {
  const { file, bytes } = await volumeFile(t, 1111);
  const { agent, calls, hello } = await session(t);
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  t.true(hello.host !== '' && bootId.startsWith(hello.host));
  const { reply } = await calls.call({ type: 'open', body: { path: file } });
  t.is(reply.identity.sizeBytes, bytes.length);
  const read = { offsetBytes: 4097, lengthBytes: 10_000 };
  const { attachment } = await calls.call({ type: 'read', body: read, mostReplyBytes: 10_000 });
  t.true(Buffer.from(attachment).equals(bytes.subarray(4097, 14_097)));
  const digested = await calls.call({
    type: 'digest',
    body: { algorithm: 'sha256', cellBytes: mebibyte, bytesPerSecond: 0 },
    attachment: encodeNumbers(Float64Array.of(0, 2 * mebibyte)),
    mostReplyBytes: mebibyte,
  });
  t.is(digested.reply.cells, 2);
  const { stdout: sum } = await execa('sha256sum', { input: bytes.subarray(0, mebibyte) });
  t.is(Buffer.from(digested.attachment.subarray(16, 48)).toString('hex'), sum.slice(0, 64));
  const first = await calls.call({ type: 'writeCounter', body: {} });
  await writeFile(file, 'x', { flag: 'r+' });
  const second = await calls.call({ type: 'writeCounter', body: {} });
  t.not(first.reply.counterText, second.reply.counterText);
  calls.link.close();
  t.is((await agent).exitCode, 0);
});

test('what cannot be opened is a failure with its own code, and the session goes on', async (t) => {
  const { file, directory } = await volumeFile(t, 1112);
  const { calls } = await session(t);
  const nowhere = calls.call({ type: 'open', body: { path: path.join(directory, 'nothing') } });
  await t.throwsAsync(nowhere, { code: 'VOLUME_NOT_FOUND', message: /^the agent: / });
  await t.notThrowsAsync(calls.call({ type: 'open', body: { path: file } }));
  const behind = { offsetBytes: 8 * mebibyte, lengthBytes: 1 };
  await t.throwsAsync(calls.call({ type: 'read', body: behind }), { code: 'AGENT_REFUSED' });
});

test('a session has one volume, also where two are asked for at once', async (t) => {
  const { file } = await volumeFile(t, 1116);
  const { calls } = await session(t);
  const asked = [1, 2].map(() => calls.call({ type: 'open', body: { path: file } }));
  const [one, other] = await Promise.allSettled(asked);
  t.is(one?.status, 'fulfilled');
  t.like(other, { status: 'rejected', reason: { code: 'AGENT_REFUSED' } });
});

test('--only opens that volume by any of its names, and no other', async (t) => {
  const { file, directory } = await volumeFile(t, 1113);
  const other = await sparseFile(path.join(directory, 'other'), mebibyte);
  const link = path.join(directory, 'link');
  await execa('ln', ['-s', file, link]);
  const { calls } = await session(t, ['--only', file]);
  const refused = calls.call({ type: 'open', body: { path: other } });
  await t.throwsAsync(refused, { code: 'AGENT_REFUSED', message: /may open .*volume only/ });
  await t.notThrowsAsync(calls.call({ type: 'open', body: { path: link } }));
});

test('it ends with its input, also in the middle of a digest', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'large'), 1024 * mebibyte);
  const { agent, calls } = await session(t);
  await calls.call({ type: 'open', body: { path: file } });
  const digest = calls.call({
    type: 'digest',
    body: { algorithm: 'xxh3-128', cellBytes: mebibyte, bytesPerSecond: 4096 },
    attachment: encodeNumbers(Float64Array.of(0, 1024 * mebibyte)),
    mostReplyBytes: mebibyte,
  });
  digest.catch(() => undefined);
  agent.stdin.destroy();
  const { exitCode } = await agent;
  t.true(exitCode === 0 || exitCode === 6);
  await t.throwsAsync(digest, { code: 'LINK_LOST' });
});

test('a cancelled digest is answered, and says so', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'large'), 1024 * mebibyte);
  const { calls } = await session(t);
  await calls.call({ type: 'open', body: { path: file } });
  const cancel = new AbortController();
  const digest = calls.call({
    type: 'digest',
    body: { algorithm: 'xxh3-128', cellBytes: mebibyte, bytesPerSecond: 4096 },
    attachment: encodeNumbers(Float64Array.of(0, 1024 * mebibyte)),
    mostReplyBytes: mebibyte,
    cancel: cancel.signal,
    onProgress: () => {
      cancel.abort();
    },
  });
  t.true((await digest).reply.cancelled);
});

/** Speaks to an agent with bytes of its own; resolves with how that ended. */
async function hostile(t: ExecutionContext, bytes: Uint8Array) {
  const agent = startAgent(t);
  // It may be gone before it has read all of it.
  agent.stdin.on('error', () => undefined);
  agent.stdin.end(bytes);
  const { exitCode, signal, stderr } = await agent;
  return { exitCode, signal, stderr: Buffer.from(stderr).toString('utf8') };
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const hello = encodeFrame(
  { kind: 'control', payload: json({ id: 1, type: 'hello', seed: '0000000000000000' }) },
  0n,
);

test('a driver that breaks the rules is told so in one sentence, and the agent ends with 6', async (t) => {
  const banner = Buffer.from(bannerLine());
  const control = (value: unknown) => encodeFrame({ kind: 'control', payload: json(value) }, 0n);
  const cases: Record<string, Uint8Array> = {
    'no banner': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    'another version': Buffer.from('fastsync-protocol 7-9 9.0.0\n'),
    'a banner that is none': Buffer.from('fastsync-protocol one two three\n'),
    'a request before hello': Buffer.concat([banner, control({ id: 1, type: 'writeCounter' })]),
    'a second hello': Buffer.concat([banner, hello, hello]),
    'no JSON': Buffer.concat([
      banner,
      encodeFrame({ kind: 'control', payload: Buffer.from('{') }, 0n),
    ]),
    'an unknown request': Buffer.concat([banner, hello, control({ id: 2, type: 'format' })]),
    'a member too many': Buffer.concat([
      banner,
      hello,
      control({ id: 2, type: 'open', path: '/', force: true }),
    ]),
    'data that nobody announced': Buffer.concat([
      banner,
      hello,
      encodeFrame({ kind: 'data', payload: Buffer.alloc(10) }, 0n),
    ]),
    'an attachment of 8 EiB': Buffer.concat([
      banner,
      hello,
      control({ id: 2, type: 'digest', attached: 2 ** 53 - 1, algorithm: 'sha256' }),
    ]),
    'a wrong checksum': Buffer.concat([banner, hello, control({ id: 2 }).fill(7, 8, 16)]),
    'half a frame': Buffer.concat([banner, hello.subarray(0, 20)]),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    const { exitCode, signal, stderr } = await hostile(t, bytes);
    t.is(exitCode, 6, `${name}: ${stderr} ${String(signal)}`);
    t.regex(stderr, /^error: [^\n]+$/, name);
  }
});

test('two digests of one number are refused, so that none is forgotten', async (t) => {
  const directory = await scratchDirectory(t);
  const file = await sparseFile(path.join(directory, 'large'), 1024 * mebibyte);
  const list = encodeNumbers(Float64Array.of(0, 1024 * mebibyte));
  const digest = { type: 'digest', algorithm: 'sha256', cellBytes: mebibyte, bytesPerSecond: 1 };
  const frame = (kind: 'control' | 'data', payload: Uint8Array) =>
    encodeFrame({ kind, payload }, 0n);
  const request = Buffer.concat([
    frame('control', json({ id: 3, ...digest, attached: list.length })),
    frame('data', list),
  ]);
  const agent = startAgent(t);
  agent.stdin.on('error', () => undefined);
  agent.stdin.write(bannerLine());
  agent.stdin.write(hello);
  agent.stdin.write(frame('control', json({ id: 2, type: 'open', path: file })));
  // Not before it is open.
  let said = '';
  agent.stdout.on('data', (data: Buffer) => (said += data.toString('latin1')));
  await during(agent, () => said.includes('"identity"'));
  agent.stdin.write(Buffer.concat([request, request]));
  const { exitCode, stderr } = await agent;
  t.is(exitCode, 6);
  t.regex(Buffer.from(stderr).toString(), /^error: [^\n]+$/);
});

test('a driver that breaks the rules and reads nothing keeps no agent', async (t) => {
  const { file } = await volumeFile(t, 1115);
  const frame = (payload: object) => encodeFrame({ kind: 'control', payload: json(payload) }, 0n);
  const agent = spawn(process.execPath, [fastsyncBin, 'agent', '--peer-timeout', '1d'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.teardown(() => agent.kill('SIGKILL'));
  const ended = once(agent, 'exit');
  agent.stdin.on('error', () => undefined);
  agent.stdin.write(bannerLine());
  agent.stdin.write(hello);
  agent.stdin.write(frame({ id: 2, type: 'open', path: file }));
  for (let id = 3; id < 7; id++) {
    const place = { offsetBytes: 0, lengthBytes: mebibyte };
    agent.stdin.write(frame({ id, type: 'read', ...place }));
  }
  agent.stdin.write(frame({ id: 9, type: 'format' }));
  t.deepEqual(await ended, [6, null]);
});

test('bytes of any kind never crash it', async (t) => {
  const random = seededRandom(t, 1114);
  const banner = Buffer.from(bannerLine());
  for (let round = 0; round < 12; round++) {
    const good = Buffer.concat([
      banner,
      hello,
      ...Array.from({ length: 5 }, (_, index) =>
        encodeFrame(
          { kind: 'control', payload: json({ id: index + 2, type: 'open', path: '/nowhere' }) },
          0n,
        ),
      ),
    ]);
    const bad = Buffer.from(good);
    for (let change = 0; change < 1 + random.between(0, 4); change++) {
      bad[random.between(0, bad.length)] = random.between(0, 256);
    }
    const { exitCode, signal, stderr } = await hostile(t, bad);
    t.true(exitCode === 0 || exitCode === 6, `${String(exitCode)} ${String(signal)} ${stderr}`);
    t.notRegex(stderr, /\n\s+at /);
  }
});

test('a driver that falls silent is given up', async (t) => {
  const agent = startAgent(t, ['--peer-timeout', '5s']);
  agent.stdin.write(bannerLine());
  agent.stdin.write(hello);
  await once(agent.stdout, 'data');
  const { exitCode, stderr } = await agent;
  t.is(exitCode, 6);
  t.regex(Buffer.from(stderr).toString(), /sent nothing for 5 s/);
});
