/** The three answers: what cannot be read, is being written, or reads differently each time is not equal. */

import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors, nbdFile } from '../engine/nbd.js';
import { fastverify, fastverifyJson, flipBits, parsed } from '../support/fastverify.js';
import { attachLoop } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { equalPair, replicaBytes } from '../support/replica.js';
import { during } from '../support/until.js';

/** A block that some file has, by debugfs: its first byte. */
async function dataByte(image: string, file = 'large'): Promise<number> {
  const { stdout } = await execa('debugfs', ['-R', `blocks ${file}`, image]);
  return Number(stdout.trim().split(/\s+/)[7]) * 4096;
}

function pairWords(source: string, target: string, state: readonly string[]) {
  return ['--src', source, '--dst', target, ...state];
}

for (const side of ['source', 'target'] as const) {
  test(`what the ${side} cannot read is not proven, and what differs elsewhere is still different`, async (t) => {
    const { source, target, state } = await equalPair(t);
    const at = await dataByte(source);
    const bad = await fileWithBadSectors(t, side === 'source' ? source : target, replicaBytes, [
      [at, 4096],
    ]);
    const words = side === 'source' ? pairWords(bad, target, state) : pairWords(source, bad, state);
    const first = await fastverifyJson(words);
    t.is(first.exitCode, 3, first.stderr);
    t.is(first.summary.verdict, 'not proven');
    t.deepEqual(
      first.ranges.map(({ answer, cause, start, length }) => [answer, cause, start, length]),
      [['not proven', 'unreadable', at, 4096]],
    );
    const flip = { at: (await dataByte(source, 'fragmented')) + 9, bit: 2 };
    await flipBits(target, [flip]);
    const second = await fastverifyJson(words);
    t.is(second.exitCode, 1);
    t.deepEqual(second.ranges.map(({ answer, start }) => [answer, start]).sort(), [
      ['different', flip.at - 9],
      ['not proven', at],
    ]);
    t.is(second.summary.notProvenBytes, 4096);
  });
}

test('a device whose file was cut short is not equal behind the cut', async (t) => {
  const { source, target, state } = await equalPair(t);
  const device = await attachLoop(t, target);
  const cut = 24 * mebibyte;
  await truncate(target, cut);
  const { exitCode, ranges } = await fastverifyJson(pairWords(source, device, state));
  t.is(exitCode, 3);
  t.true(ranges.length > 0);
  for (const { cause, start } of ranges) {
    t.is(cause, 'unreadable');
    t.true(start >= cut);
  }
});

test('a smaller target misses what lies behind its end', async (t) => {
  const { source, target, state } = await equalPair(t);
  await truncate(target, 24 * mebibyte);
  const { exitCode, ranges, summary } = await fastverifyJson(pairWords(source, target, state));
  t.is(exitCode, 1);
  t.true(ranges.length > 0);
  t.true(ranges.every(({ cause, start }) => cause === 'missing' && start >= 24 * mebibyte));
  t.is(
    summary.differentBytes,
    ranges.reduce((sum, { length }) => sum + length, 0),
  );
});

/** Serves a volume of which one byte is another each time that it is read. */
async function unstableFile(t: ExecutionContext, backing: string, directory: string, at: number) {
  const counter = path.join(directory, 'readings');
  await writeFile(counter, '0');
  const script = path.join(directory, 'unstable.sh');
  await writeFile(
    script,
    `#!/bin/bash
case "$1" in
  get_size) stat -L -c %s '${backing}';;
  pread)
    count=$3; offset=$4
    if ((offset <= ${at} && ${at} < offset + count)); then
      n=$(($(cat '${counter}') + 1)); echo $n > '${counter}'
      if ((n % 2 == 1)); then
        before=$((${at} - offset))
        dd if='${backing}' iflag=skip_bytes,count_bytes skip=$offset count=$before status=none
        printf X
        dd if='${backing}' iflag=skip_bytes,count_bytes skip=$((${at} + 1)) count=$((count - before - 1)) status=none
        exit 0
      fi
    fi
    dd if='${backing}' iflag=skip_bytes,count_bytes skip=$offset count=$count bs=64K status=none;;
  can_write) exit 3;;
  thread_model) echo serialize_all_requests;;
  *) exit 2;;
esac
`,
    { mode: 0o755 },
  );
  return { file: await nbdFile(t, ['sh', script], ['-r']), counter };
}

test('what reads differently each time though nobody writes is unstable', async (t) => {
  const { source, target, directory, state } = await equalPair(t);
  const at = await dataByte(source);
  const { file, counter } = await unstableFile(t, target, directory, at + 5);
  const { exitCode, ranges, stderr } = await fastverifyJson(pairWords(source, file, state));
  t.true(Number(await readFile(counter, 'utf8')) >= 2, 'it was read more than once');
  t.is(exitCode, 3, stderr);
  t.deepEqual(
    ranges.map(({ cause, start, length }) => [cause, start, length]),
    [['unstable', at, 512]],
  );
});

/** Has written a sector with other content, and does so again and again until told to stop; then what it held before. */
async function writer(device: string, at: number) {
  const file = await open(device, 'rs+');
  const good = Buffer.alloc(512);
  await file.read(good, 0, 512, at);
  const write = (round: number) => file.write(Buffer.alloc(512, round), 0, 512, at);
  await write(0);
  const wanted = new AbortController();
  const done = (async () => {
    for (let round = 1; !wanted.signal.aborted; round++) {
      await sleep(20);
      await write(round);
    }
    await file.write(good, 0, 512, at);
    await file.sync();
    await file.close();
  })();
  return {
    stop: () => {
      wanted.abort();
      return done;
    },
  };
}

for (const side of ['source', 'target'] as const) {
  test(`what is being written on the ${side} is not proven, and not called different`, async (t) => {
    const { source, target, state } = await equalPair(t);
    const [from, to] = [await attachLoop(t, source), await attachLoop(t, target)];
    const words = pairWords(from, to, state);
    const at = await dataByte(source);
    const work = await writer(side === 'source' ? from : to, at);
    const busy = await fastverifyJson([...words, '--allow-open-source']);
    await work.stop();
    t.is(busy.exitCode, 3, busy.stderr);
    t.true(busy.summary.writtenDuringRun);
    t.deepEqual(
      busy.ranges.map(({ cause, start }) => [cause, start]),
      [['changing', at]],
    );
    const quiet = await fastverifyJson(words);
    t.deepEqual([quiet.exitCode, quiet.ranges], [0, []]);
  });
}

test('a writer who stops in time leaves no difference, but a doubt', async (t) => {
  const { source, target, state } = await equalPair(t);
  const [from, to] = [await attachLoop(t, source), await attachLoop(t, target)];
  const work = await writer(to, await dataByte(source));
  t.teardown(work.stop);
  // So slow that a line comes between the difference and the end of the first reading.
  const run = fastverify([...pairWords(from, to, state), '--bwlimit', '4M', '--json']);
  let said = '';
  run.stdout?.on('data', (data: Buffer) => (said += data.toString()));
  await during(run, () => /"type":"status".*"differentBytes":[1-9]/.test(said));
  // What differs is about to be read again.
  await work.stop();
  const { exitCode, ranges, summary } = parsed(await run);
  t.is(exitCode, 3);
  t.deepEqual(
    ranges.filter(({ answer }) => answer === 'different'),
    [],
  );
  t.regex(String(summary.doubts), /was written during the run/);
});
