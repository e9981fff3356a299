/** The journal: nothing counts without its record, nothing damaged counts at all, nothing stays behind. */

import { mkdir, open, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { descriptorEndpoint } from '../../../src/engine/index.js';
import { Journal } from '../../../src/sync/live/journal.js';
import { randomFrom } from '../../support/random.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';

const mebibyte = 1024 ** 2;
const sizeBytes = 16 * mebibyte;
const epoch = {
  runId: 'run',
  source: 'a',
  sourcePath: 'a',
  target: 'b',
  epoch: 1,
  frozenAt: 1,
  before: [],
};

async function sourceIn(directory: string) {
  const file = path.join(directory, 'source');
  await writeFile(file, Buffer.alloc(sizeBytes, randomFrom(1).bytes(65_536)));
  return open(file, 'r');
}

const extents = Float64Array.of(0, 131_072, mebibyte, 65_536);

test('what is committed is there for the next run; without the record nothing is', async (t) => {
  const directory = await scratchDirectory(t);
  await using source = await sourceIn(directory);
  const first = await Journal.open(directory, 'key', sizeBytes);
  await first.stage(descriptorEndpoint(source.fd), extents, {}, {});
  await first.close();
  const second = await Journal.open(directory, 'key', sizeBytes);
  t.is(await second.committed(), null);
  t.is(second.staged.length, 0);
  t.is((await stat(second.path)).blocks, 0);

  await second.stage(descriptorEndpoint(source.fd), extents, {}, {});
  const record = await second.commit(epoch);
  await second.close();
  await using third = await Journal.open(directory, 'key', sizeBytes);
  t.deepEqual(await third.committed(), record);
  t.deepEqual([...third.staged], [...extents]);
  t.true(await third.isIntact(record));
  const range = ['--ignore-initial', String(mebibyte), '--bytes', '65536'];
  await execa('cmp', [...range, path.join(directory, 'source'), third.path]);

  await third.reset();
  t.is((await stat(third.path)).blocks, 0);
  t.is((await stat(third.path)).size, sizeBytes);
});

test('one flipped bit, in the journal or in the record, and it is not believed', async (t) => {
  const directory = await scratchDirectory(t);
  await using source = await sourceIn(directory);
  await using journal = await Journal.open(directory, 'key', sizeBytes);
  await journal.stage(descriptorEndpoint(source.fd), extents, {}, {});
  const record = await journal.commit(epoch);
  await using file = await open(journal.path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, mebibyte + 4097);
  await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, mebibyte + 4097);
  await file.sync();
  t.false(await journal.isIntact(record));

  const recordFile = path.join(directory, 'key.commit');
  const text = await readFile(recordFile, 'utf8');
  await writeFile(recordFile, text.replace('"epoch":1', '"epoch":2'));
  t.is(await journal.committed(), null);
});

test('a journal leaves room on its file system, and says so before it is full', async (t) => {
  const directory = await scratchDirectory(t);
  await using source = await sourceIn(directory);
  const device = await attachLoop(
    t,
    await sparseFile(path.join(directory, 'small'), 80 * mebibyte),
  );
  await execa('mkfs.ext4', ['-q', '-m', '0', device]);
  const { directory: mount, unmount } = await mounted(t, device);
  const place = path.join(mount, 'journal');
  await mkdir(place);
  const journal = await Journal.open(place, 'key', sizeBytes);
  const all = Float64Array.of(0, sizeBytes);
  await t.throwsAsync(journal.stage(descriptorEndpoint(source.fd), all, {}, {}), {
    code: 'JOURNAL_FULL',
  });
  await journal.close();
  await unmount();
});
