/** `fastsync init`: what of a target is somebody's data, and asked about, though no signature names it. */

import { open, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncJson } from '../support/fastsync.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const sizeBytes = 48 * mebibyte;

async function write(file: string, at: number, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(bytes, 0, bytes.length, at);
  await handle.close();
}

const someones = Buffer.from('somebody has put this here');

async function seedOnto(t: ExecutionContext, prepare: (file: string) => Promise<string>) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), sizeBytes);
  await execa('mkfs.ext4', ['-q', '-F', source]);
  const target = await prepare(path.join(directory, 'target.img'));
  const state = ['--state-dir', path.join(directory, 'state')];
  return fastsyncJson(['init', '--src', source, '--dst', target, ...state]);
}

const blankFile = (file: string) => sparseFile(file, sizeBytes);

for (const [name, bytes, at] of [
  ['in its middle', sizeBytes, 10 * mebibyte + 4097],
  ['in its last byte', sizeBytes, sizeBytes - someones.length],
  ["behind the source's size, where it would be cut off", 3 * sizeBytes, 2 * sizeBytes + 5],
  ['in a file of one sector and a half', 700, 600],
] as const) {
  test.serial(`a file with an empty beginning and data ${name} is asked about`, async (t) => {
    let target = '';
    const { exitCode, summary } = await seedOnto(t, async (file) => {
      target = await sparseFile(file, bytes);
      await write(file, at, someones);
      return file;
    });
    t.is(exitCode, 4);
    t.like(summary, { error: { code: 'TARGET_HAS_DATA' } });
    const { stdout } = await execa('grep', ['--text', '--count', String(someones), target]);
    t.is(stdout, '1', 'and is still there');
  });
}

for (const [name, prepare] of [
  ['of no length', async (file: string) => writeFile(file, '').then(() => file)],
  ['with nothing but a hole', blankFile],
  [
    'with nothing but written zeroes',
    async (file: string) => writeFile(file, Buffer.alloc(sizeBytes)).then(() => file),
  ],
] as const) {
  test.serial(`a file ${name} is taken without a question`, async (t) => {
    const { exitCode, stderr } = await seedOnto(t, prepare);
    t.is(exitCode, 0, stderr);
  });
}

test.serial('a sparse file of 8 TiB is looked through in no time, to its end', async (t) => {
  const { exitCode, summary } = await seedOnto(t, async (file) => {
    await sparseFile(file, 0);
    await truncate(file, 8 * 1024 ** 4);
    await write(file, 8 * 1024 ** 4 - someones.length, someones);
    return file;
  });
  t.is(exitCode, 4);
  t.like(summary, { error: { code: 'TARGET_HAS_DATA' } });
});

test.serial(
  'a device with data behind an empty beginning is asked about, a blank one not',
  async (t) => {
    const first = await seedOnto(t, async (file) => {
      const device = await attachLoop(t, await blankFile(file));
      await execa('sh', ['-c', `yes | dd of=${device} bs=1M seek=20 count=4 iflag=fullblock`]);
      return device;
    });
    t.is(first.exitCode, 4);
    t.like(first.summary, { error: { code: 'TARGET_HAS_DATA' } });
    const second = await seedOnto(t, async (file) => attachLoop(t, await blankFile(file)));
    t.is(second.exitCode, 0, second.stderr);
  },
);
