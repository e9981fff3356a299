/** From a volume to the parser that reads it, or to a map that calls everything used. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ParseError } from '../../fsparsers/errors.js';
import { mapVolume, parsers, type MapOptions } from '../../fsparsers/index.js';
import type { UsedMap } from '../../fsparsers/usedmap.js';
import { openVolume } from '../../src/volume/index.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';

const sizeBytes = 320 * 1024 * 1024;

async function volumeOf(t: ExecutionContext, ...commands: readonly (readonly string[])[]) {
  const file = await sparseFile(path.join(await scratchDirectory(t), 'image'), sizeBytes);
  for (const [command = '', ...args] of commands) await execa(command, [...args, file]);
  return file;
}

async function map(file: string, options?: MapOptions): Promise<UsedMap> {
  await using volume = await openVolume(file);
  return await mapVolume(volume.reader, options);
}

test('a plain volume goes to its parser, and has free space', async (t) => {
  for (const [command, type] of [
    [['mke2fs', '-q', '-t', 'ext4'], 'ext4'],
    [['mkfs.xfs', '-q'], 'xfs'],
    [['mkntfs', '-q', '-F', '-f', '-s', '512', '-p', '0', '-H', '0', '-S', '0'], 'ntfs'],
  ] as const) {
    const found = await map(await volumeOf(t, command));
    t.is(found.filesystem.type, type);
    t.true(found.ranges.totals().free > sizeBytes / 4);
  }
});

test('what is recognised but not parsed is used whole, and named', async (t) => {
  const found = await map(await volumeOf(t, ['mkfs.vfat', '-n', 'STICK']));
  t.like(found.filesystem, { type: 'vfat', label: 'STICK', state: 'unknown' });
  t.deepEqual([...found.ranges], [{ start: 0, length: sizeBytes, reason: 'unknown' }]);
  t.deepEqual(
    found.notes.map(({ code }) => code),
    ['USED_WHOLE'],
  );
});

test('an external journal is no file system to its family', async (t) => {
  const found = await map(await volumeOf(t, ['mke2fs', '-q', '-O', 'journal_dev']));
  t.is(found.filesystem.type, 'jbd');
  t.is(found.ranges.totals().free, 0);
});

test('the user may say what it is, or that all of it is used', async (t) => {
  const file = await volumeOf(t, ['mke2fs', '-q', '-t', 'ext4']);
  t.deepEqual((await map(file, { as: 'ext' })).ranges.totals(), (await map(file)).ranges.totals());
  const whole = await map(file, { as: 'whole' });
  t.is(whole.ranges.totals().free, 0);
  t.is(whole.filesystem.type, 'ext4');
  await t.throwsAsync(map(file, { as: 'ntfs' }), { instanceOf: ParseError });
  const error = await t.throwsAsync(map(file, { as: 'zebra' }), { instanceOf: ParseError });
  t.is(error.code, 'UNSUPPORTED');
  for (const family of Object.keys(parsers)) t.true(error.message.includes(family));
});

test('nothing known is an error, unless all of it is asked for', async (t) => {
  const file = await volumeOf(t);
  const error = await t.throwsAsync(map(file), { instanceOf: ParseError });
  t.is(error.code, 'NOT_RECOGNISED');
  t.is((await map(file, { as: 'whole' })).filesystem.type, 'unknown');
});

test('an aborted signal stops it', async (t) => {
  const file = await volumeOf(t, ['mke2fs', '-q', '-t', 'ext4']);
  await t.throwsAsync(map(file, { signal: AbortSignal.abort(new Error('stopped')) }), {
    message: 'stopped',
  });
});
