/** The history of a pair: bounded, in order, and readable whatever happened to the file. */

import { appendFile, chmod, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { mostRecords } from '../../src/history/history.js';
import { appendRun, readHistory, readPicture } from '../../src/history/index.js';
import type { RunRecord, VolumePicture } from '../../src/history/index.js';
import { scratchDirectory } from '../support/scratch.js';

function runAt(minute: number): RunRecord {
  return {
    schema: 'fastsync-run/1',
    pair: 'a.b-c_d',
    startedAt: new Date(minute * 60_000).toISOString(),
    seconds: 1.5,
    outcome: 'equal',
    exitCode: 0,
    source: '/dev/a',
    target: '/dev/b',
    filesystem: { type: 'ext4', uuid: null, label: 'x' },
    deviceBytes: 4096,
    usedBytes: 1024,
    comparedBytes: 1024,
    differentBytes: 0,
    differentRanges: 0,
    notProvenBytes: 0,
    notProvenRanges: 0,
    repairedBytes: 0,
    oldestProof: null,
    error: null,
  };
}

const picture: VolumePicture = {
  schema: 'fastsync-picture/1',
  deviceBytes: 4096,
  used: [0, 0.5, 1],
  different: [{ start: 0, length: 512, what: 'superblock' }],
  notProven: [{ start: 512, length: 512, what: 'data', cause: 'unreadable' }],
  omittedRanges: 3,
  takenAt: new Date(0).toISOString(),
};

test('what was added is read back in order; a pair without history has none', async (t) => {
  const directory = path.join(await scratchDirectory(t), 'not/yet/there');
  t.deepEqual(await readHistory(directory, 'a.b-c_d'), []);
  t.is(await readPicture(directory, 'a.b-c_d'), null);
  await appendRun(directory, runAt(1), picture);
  await appendRun(directory, runAt(2), null);
  t.deepEqual(await readHistory(directory, 'a.b-c_d'), [runAt(1), runAt(2)]);
  t.deepEqual(await readPicture(directory, 'a.b-c_d'), picture);
  const file = path.join(directory, 'history/a.b-c_d.jsonl');
  t.is((await stat(file)).mode & 0o777, 0o600);
});

test('only the newest are kept', async (t) => {
  const directory = await scratchDirectory(t);
  await appendRun(directory, runAt(0), null);
  const file = path.join(directory, 'history/a.b-c_d.jsonl');
  const many = Array.from({ length: mostRecords }, (_, index) => JSON.stringify(runAt(index)));
  await writeFile(file, `${many.join('\n')}\n`);
  await appendRun(directory, runAt(mostRecords), null);
  const history = await readHistory(directory, 'a.b-c_d');
  t.is(history.length, mostRecords);
  t.deepEqual(history[0], runAt(1));
  t.deepEqual(history.at(-1), runAt(mostRecords));
});

test('a history cut off at any byte gives the whole lines before it, and is added to', async (t) => {
  const directory = await scratchDirectory(t);
  await appendRun(directory, runAt(1), null);
  const file = path.join(directory, 'history/a.b-c_d.jsonl');
  const oneLine = (await stat(file)).size;
  await appendRun(directory, runAt(2), null);
  const text = await readFile(file);
  for (let size = text.length - 1; size > oneLine + 1; size -= 37) {
    await writeFile(file, text);
    await truncate(file, size);
    const isWhole = size === text.length - 1; // only the newline is gone
    t.deepEqual(
      (await readHistory(directory, 'a.b-c_d')).map(({ startedAt }) => startedAt),
      (isWhole ? [1, 2] : [1]).map((minute) => runAt(minute).startedAt),
    );
  }
  await appendRun(directory, runAt(3), null);
  t.deepEqual((await readHistory(directory, 'a.b-c_d')).at(-1), runAt(3));
});

test('lines that are not ours are passed over', async (t) => {
  const directory = await scratchDirectory(t);
  await appendRun(directory, runAt(1), picture);
  const file = path.join(directory, 'history/a.b-c_d.jsonl');
  const foreign = [
    'null',
    '[]',
    '\u0000\u0000',
    '{"schema":"fastsync-run/1"}',
    JSON.stringify({ ...runAt(2), schema: 'fastsync-run/2' }),
    JSON.stringify({ ...runAt(2), outcome: 'fine' }),
    JSON.stringify({ ...runAt(2), comparedBytes: -1 }),
    JSON.stringify({ ...runAt(2), startedAt: 'yesterday' }),
  ];
  await appendFile(file, `${foreign.join('\n')}\n`);
  t.deepEqual(await readHistory(directory, 'a.b-c_d'), [runAt(1)]);
  await writeFile(path.join(directory, 'history/a.b-c_d.picture.json'), '{"schema":');
  t.is(await readPicture(directory, 'a.b-c_d'), null);
});

test('a history that cannot be written is one sentence that names it', async (t) => {
  const directory = await scratchDirectory(t);
  await writeFile(path.join(directory, 'history'), 'a file stands in the way');
  await chmod(directory, 0o500);
  const error = await t.throwsAsync(appendRun(directory, runAt(1), null));
  t.like(error, { code: 'HISTORY_UNUSABLE', exitCode: 2 });
  t.regex(error.message, /a\.b-c_d/);
});
