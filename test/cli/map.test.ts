/** `fastsync map` on volumes that are not plainly one thing. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { BufferReader } from '../../fsparsers/reader.js';
import { unionOf } from '../../fsparsers/union.js';
import { MapBuilder } from '../../fsparsers/mapbuilder.js';
import type { Reason } from '../../fsparsers/reason.js';
import { wholeMap } from '../../fsparsers/whole.js';
import { fastsync, fastsyncBin } from '../support/fastsync.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;

async function mapJson(volume: string, ...options: readonly string[]) {
  const { exitCode, stdout, stderr } = await fastsync([
    'map',
    volume,
    '--format',
    'json',
    ...options,
  ]);
  const map = exitCode === 0 ? (JSON.parse(String(stdout)) as { usedBytes: number }) : null;
  return { exitCode, map, stderr: String(stderr) };
}

test('two plausible signatures: refused by name, the union or one of them by option', async (t) => {
  const directory = await scratchDirectory(t);
  const ext = await sparseFile(path.join(directory, 'ext.img'), 64 * mebibyte);
  const ntfs = await sparseFile(path.join(directory, 'ntfs.img'), 64 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', ext]);
  await execa('mkntfs', ['-q', '-F', '-f', ntfs]);
  // ext leaves the first KiB of a volume alone: a stale boot sector stays there for years.
  await execa('dd', [`if=${ntfs}`, `of=${ext}`, 'bs=512', 'count=1', 'conv=notrunc']);

  const refused = await mapJson(ext);
  t.is(refused.exitCode, 4);
  t.regex(refused.stderr, /ext4.*ntfs|ntfs.*ext4/);
  const asExt = await mapJson(ext, '--as', 'ext');
  t.is(asExt.exitCode, 0);
  t.true((asExt.map?.usedBytes ?? Infinity) < 32 * mebibyte);
  // The $MFT is not where that boot sector says: as NTFS, all of it is used.
  const union = await mapJson(ext, '--as', 'union');
  t.is(union.exitCode, 0, union.stderr);
  t.is(union.map?.usedBytes, 64 * mebibyte);
  t.regex(union.stderr, /ext4\+ntfs|ntfs\+ext4/);
});

test('a union frees only what every map frees', (t) => {
  const mapOf = (...marks: readonly (readonly [Reason, number, number])[]) => {
    const builder = new MapBuilder(1000);
    for (const [reason, start, length] of marks) builder.mark(reason, start, length);
    return { ...wholeMap(new BufferReader(new Uint8Array(1000)), null), ranges: builder.build() };
  };
  const left = mapOf(['free', 0, 600], ['data', 600, 400]);
  const right = mapOf(['data', 0, 100], ['free', 100, 800]);
  const ranges = [...unionOf([left, right]).ranges].map(({ start, length, reason }) => [
    start,
    length,
    reason,
  ]);
  t.deepEqual(ranges, [
    [0, 100, 'data'],
    [100, 500, 'free'],
    [600, 400, 'data'],
  ]);
});

test('swap is used whole, or its header alone by option', async (t) => {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'swap.img'), 16 * mebibyte);
  await execa('mkswap', ['-q', '-L', 'swaplabel', image]);
  t.is((await mapJson(image)).map?.usedBytes, 16 * mebibyte);
  t.is((await mapJson(image, '--swap', 'header')).map?.usedBytes, 65536);

  const copy = path.join(directory, 'copy.img');
  const state = ['--state-dir', path.join(directory, 'state')];
  const { exitCode } = await fastsync([
    'init',
    '--src',
    image,
    '--dst',
    copy,
    '--swap',
    'header',
    ...state,
  ]);
  t.is(exitCode, 0);
  const tagsOf = async (file: string) =>
    (
      await execa('blkid', ['-p', '-o', 'export', '-s', 'UUID', '-s', 'LABEL', '-s', 'TYPE', file])
    ).stdout.replace(file, '');
  t.is(await tagsOf(copy), await tagsOf(image));
});

test('a map that nobody reads to its end stops quietly', async (t) => {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'ext.img'), 64 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const { stdout, stderr } = await execa('bash', [
    '-c',
    `"$0" "$1" map "$2" --format json | head -c 10; echo " \${PIPESTATUS[0]}"`,
    process.execPath,
    fastsyncBin,
    image,
  ]);
  t.regex(stdout, / 0$/);
  t.is(stderr, '');
});
