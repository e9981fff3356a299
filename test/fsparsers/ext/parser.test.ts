/** What a map says beside its ranges, and when it says nothing at all. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ParseError } from '../../../fsparsers/errors.js';
import { extParser } from '../../../fsparsers/ext/index.js';
import { BufferReader } from '../../../fsparsers/reader.js';
import { scratchDirectory } from '../../support/scratch.js';
import { makeImage, recipe } from './images.js';
import type { ImageRecipe } from './images.js';
import { sealSuperblock } from './mutants.js';
import { parseImage } from './parsing.js';

async function imageFile(t: ExecutionContext, image: ImageRecipe): Promise<string> {
  return makeImage(path.join(await scratchDirectory(t), 'image'), image);
}

test('locate() names what dumpe2fs and debugfs say lies there', async (t) => {
  const file = await imageFile(t, recipe(64, '-t ext4 -b 1024 -G 4', { trailingBytes: 4096 }));
  const map = await parseImage(file);
  const { stdout } = await execa('dumpe2fs', [file]);
  let named = 0;
  let group = 0;
  const expectAt = (block: number, name: string) => {
    t.is(map.locate(block * 1024), name, `block ${block}`);
    t.is(map.locate(block * 1024 + 1023), name, `end of block ${block}`);
    named++;
  };
  for (const line of stdout.split('\n')) {
    group = Number(/^Group (\d+):/.exec(line)?.[1] ?? group);
    const copy = (name: string) => (group === 0 ? name : `group ${group} copy of ${name}`);
    const places: [RegExp, string][] = [
      [/superblock at (\d+)/, copy('superblock')],
      [/Group descriptors at (\d+)-(\d+)/, copy('group descriptors')],
      [/Reserved GDT blocks at (\d+)-(\d+)/, copy('reserved group descriptors')],
      [/Block bitmap at (\d+)/, `group ${group} block bitmap`],
      [/Inode bitmap at (\d+)/, `group ${group} inode bitmap`],
      [/Inode table at (\d+)-(\d+)/, `group ${group} inode table`],
      [/Free blocks: (\d+)(?:-(\d+))?/, 'free'],
    ];
    for (const [pattern, name] of places) {
      const [, first, last = first] = pattern.exec(line) ?? [];
      if (first === undefined) continue;
      expectAt(Number(first), name);
      expectAt(Number(last), name);
    }
  }
  t.true(named > 60);
  for (const [what, name] of [
    ['<8>', 'journal'],
    ['dir/file1', 'data'],
  ] as const) {
    const blocks = await execa('debugfs', ['-R', `blocks ${what}`, file]);
    for (const block of blocks.stdout.trim().split(' ')) expectAt(Number(block), name);
  }
  t.is(map.locate(0), 'boot block');
  t.is(map.locate(64 * 2 ** 20), 'outside the file system');
});

test('a file system that was not unmounted and has no journal is used as a whole', async (t) => {
  const file = await imageFile(t, recipe(16, '-t ext2'));
  t.true((await parseImage(file)).ranges.totals().free > 0);
  for (const [state, name, code] of [
    ['0', 'dirty', 'NOT_CLEAN'],
    ['3', 'errors', 'ERRORS_RECORDED'],
  ] as const) {
    await execa('debugfs', ['-w', '-R', `ssv state ${state}`, file]);
    const map = await parseImage(file);
    t.is(map.filesystem.state, name);
    t.is(map.ranges.totals().free, 0);
    t.like(map.notes, [{ severity: 'warning', code }]);
  }
});

test('needs_recovery without a journal: used as a whole', async (t) => {
  const file = await imageFile(t, recipe(16, '-t ext4 -O ^has_journal'));
  await execa('debugfs', ['-w', '-R', 'feature needs_recovery', file]);
  const map = await parseImage(file);
  t.is(map.ranges.totals().free, 0);
  t.like(map.notes, [{ code: 'JOURNAL_MISSING' }]);
});

test('features that may change what a bitmap means are refused, others are not', async (t) => {
  const file = await imageFile(t, recipe(16, '-t ext4'));
  const bytes = await readFile(file);
  const words: [at: number, bit: number, refused: boolean][] = [
    [0x5c, 30, false],
    [0x60, 30, true],
    [0x60, 0, true],
    [0x64, 30, true],
    [0x64, 11, true],
  ];
  for (const [at, bit, refused] of words) {
    const changed = Buffer.from(bytes);
    const place = 1024 + at;
    changed.writeUInt32LE((changed.readUInt32LE(place) | (1 << bit)) >>> 0, place);
    sealSuperblock(changed);
    const parsing = extParser.parse(new BufferReader(changed));
    if (refused) await t.throwsAsync(parsing, { code: 'UNSUPPORTED', message: /features/ });
    else t.true((await parsing).filesystem.features.includes(`FEATURE_C${bit}`));
  }
});

test('a journal device is named as one', async (t) => {
  const file = path.join(await scratchDirectory(t), 'journal');
  await writeFile(file, Buffer.alloc(2 ** 23));
  await execa('mke2fs', ['-q', '-F', '-O', 'journal_dev', '-L', 'log', file]);
  const reader = new BufferReader(await readFile(file));
  t.regex((await extParser.probe(reader)) ?? '', /^jbd, UUID .*, label "log"$/);
  const error = await t.throwsAsync(extParser.parse(reader), { instanceOf: ParseError });
  t.is(error.code, 'UNSUPPORTED');
  t.is(error.structure, 'superblock');
  t.is(error.offsetBytes, 1024);
});

test('a parse stops between two reads when it is told to', async (t) => {
  const file = await imageFile(t, recipe(64, '-t ext4 -b 1024'));
  const bytes = await readFile(file);
  let readsOfAll = 0;
  const counting = new BufferReader(bytes);
  const read = counting.read.bind(counting);
  counting.read = (...place) => {
    readsOfAll++;
    return read(...place);
  };
  await extParser.parse(counting);

  for (let stopAfter = 0; stopAfter < readsOfAll; stopAfter++) {
    const controller = new AbortController();
    const reason = new Error('enough');
    let reads = 0;
    const stopping = new BufferReader(bytes);
    stopping.read = (...place) => {
      if (++reads > stopAfter) controller.abort(reason);
      return read(...place);
    };
    const error = await t.throwsAsync(
      extParser.parse(stopping, { signal: controller.signal }).then((map) => {
        // The last read may be followed by nothing that could still be stopped.
        if (reads === readsOfAll) throw reason;
        return map;
      }),
    );
    t.is(error, reason);
  }
});

test('an error of the reader goes up as it is', async (t) => {
  const file = await imageFile(t, recipe(16, '-t ext4'));
  const bytes = await readFile(file);
  const reader = new BufferReader(bytes);
  const read = reader.read.bind(reader);
  const failure = new Error('EIO');
  reader.read = (offset, length) =>
    offset > 4096 ? Promise.reject(failure) : read(offset, length);
  t.is(await t.throwsAsync(extParser.parse(reader)), failure);
});
