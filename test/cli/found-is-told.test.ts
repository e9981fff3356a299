/** A difference that was found is told, and ends with 1, whatever fails afterwards. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nbdFile } from '../engine/nbd.js';
import type { JsonLine } from '../support/fastsync.js';
import { fastverify, fastverifyJson, flipBits } from '../support/fastverify.js';
import { fill } from '../support/fill.js';
import { linesOf } from '../support/lines.js';
import { equalPair } from '../support/replica.js';
import { attachLoop, mounted, scratchDirectory } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

/** In the superblock: a field that no tool looks at. */
const flipped = { at: 1100, bit: 0 };
const isFlipped = ({ type, answer, start, length }: JsonLine) =>
  type === 'range' &&
  answer === 'different' &&
  Number(start) <= flipped.at &&
  flipped.at < Number(start) + Number(length);

/** A disk that is gone as soon as the trigger is there: an error that is no bad sector. */
async function dyingDisk(t: ExecutionContext, backing: string) {
  const trigger = path.join(await scratchDirectory(t), 'die');
  const errors = ['error=ESHUTDOWN', 'error-rate=100%', `error-file=${trigger}`];
  const file = await nbdFile(t, ['--filter=error', 'file', backing, ...errors]);
  return { file, die: () => writeFile(trigger, '') };
}

for (const side of ['source', 'target'] as const) {
  test(`a ${side} that dies when a difference was found already`, async (t) => {
    const { source, target, state } = await equalPair(t);
    await flipBits(target, [flipped]);
    const disk = await dyingDisk(t, side === 'source' ? source : target);
    const [src, dst] = side === 'source' ? [disk.file, target] : [source, disk.file];
    const words = ['--src', src, '--dst', dst, '--json', ...state];
    const run = fastverify([...words, '--free', 'verify', '--bwlimit', '1M'], {
      buffer: { stdout: false },
    });
    const said = linesOf(run.stdout ?? t.fail());
    // The first piece of four seconds has been judged by then.
    await said.line(({ completedBytes }) => Number(completedBytes) > 10 * mebibyte);
    await disk.die();
    const { exitCode, stderr } = await run;
    t.is(exitCode, 1, String(stderr));
    t.true(said.lines.some(isFlipped), JSON.stringify(said.lines));
    t.regex(String(stderr), /"type":"error".*volume/);
    t.like(said.lines.at(-1), { type: 'summary', outcome: 'different', exitCode: 1 });
  });
}

test('a volume that dies when it was found to differ from its manifest', async (t) => {
  const { directory, source, state } = await equalPair(t);
  const manifest = path.join(directory, 'manifest');
  await fastverify(['--src', source, '--write-manifest', manifest]);
  await flipBits(source, [flipped]);
  const disk = await dyingDisk(t, source);
  const words = ['--src', disk.file, '--manifest', manifest, '--json', ...state];
  const run = fastverify([...words, '--bwlimit', '1M'], { buffer: { stdout: false } });
  const said = linesOf(run.stdout ?? t.fail());
  await said.line(({ completedBytes }) => Number(completedBytes) > 10 * mebibyte);
  await disk.die();
  const { exitCode, stderr } = await run;
  t.is(exitCode, 1, String(stderr));
  t.regex(String(stderr), /"type":"error".*volume/);
  t.true(said.lines.some(isFlipped), JSON.stringify(said.lines));
});

for (const [what, errors] of Object.entries({
  'cannot be written': ['error-pwrite-rate=100%', 'error-pwrite=EIO'],
  'dies of the first write': ['error-pwrite-rate=100%', 'error-pwrite=ESHUTDOWN'],
})) {
  test(`a repair of a target that ${what}`, async (t) => {
    const { source, target, state } = await equalPair(t);
    await flipBits(target, [flipped]);
    const broken = await nbdFile(t, ['--filter=error', 'file', target, ...errors]);
    const words = ['--src', source, '--dst', broken, '--repair', '--yes', ...state];
    const { exitCode, lines, summary, stderr } = await fastverifyJson(words);
    t.is(exitCode, 1, stderr);
    t.true(lines.some(isFlipped), JSON.stringify(lines));
    t.regex(stderr, /the repair of .* ended early: /);
    t.is(summary.exitCode, 1);
  });
}

test('a repair whose state cannot be saved', async (t) => {
  const { source, target } = await equalPair(t);
  // Elsewhere: with a checksum that is wrong it would be taken for no replica.
  await flipBits(target, [{ at: 20 * mebibyte, bit: 0 }]);
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k']);
  await fill(directory);
  const sides = ['--src', source, '--dst', target, '--free', 'verify'];
  const words = [...sides, '--state-dir', directory];
  t.is((await fastverifyJson(words)).exitCode, 1);
  const repaired = await fastverifyJson([...words, '--repair']);
  t.is(repaired.exitCode, 0, repaired.stderr);
  t.like(repaired.ranges, [{ answer: 'different', repaired: true }]);
  t.is((await fastverifyJson(words)).exitCode, 0);
});

for (const online of [false, true]) {
  test(`a check against a manifest${online ? ' of a volume in use' : ''} with a full state directory`, async (t) => {
    const { directory: scratch, source } = await equalPair(t);
    const manifest = path.join(scratch, 'manifest');
    const written = await fastverify(['--src', source, '--write-manifest', manifest]);
    t.is(written.exitCode, 0, String(written.stderr));
    await flipBits(source, [flipped]);
    const volume = online ? await attachLoop(t, source) : source;
    const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k']);
    await fill(directory);
    const words = ['--src', volume, '--manifest', manifest, '--state-dir', directory];
    const { exitCode, lines, stderr } = await fastverifyJson([
      ...words,
      ...(online ? ['--online', '--lag-tolerance', '1s'] : []),
    ]);
    t.is(exitCode, 1, stderr);
    t.true(lines.some(isFlipped), JSON.stringify(lines));
    t.true(
      lines.some(({ message }) => String(message).includes('its file system is full')),
      stderr,
    );
  });
}

test('the list of what differs cannot be written', async (t) => {
  const { words, target } = await equalPair(t);
  await flipBits(target, [flipped]);
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k']);
  await fill(directory);
  const map = path.join(directory, 'map');
  const { exitCode, lines, stderr } = await fastverifyJson([...words, '--ddrescue-map', map]);
  t.is(exitCode, 1, stderr);
  t.true(lines.some(isFlipped));
  t.regex(stderr, /its file system is full/);
});
