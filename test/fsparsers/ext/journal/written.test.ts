/** Journals written by debugfs: every format of checksum, tag and revoke record, escaped blocks. */

import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { copyOf } from '../../../support/crash-image.js';
import {
  differencesInReplay,
  differingBlocks,
  e2fsckReplay,
  kernelReplay,
  ourReplay,
} from '../../../support/ext-journal.js';
import { seededRandom } from '../../../support/random.js';
import type { Random } from '../../../support/random.js';
import { scratchDirectory, sparseFile } from '../../../support/scratch.js';

interface Format {
  readonly blockBytes: number;
  readonly features: string;
  /** Options of debugfs's journal_open. */
  readonly checksums: string;
  /** The log's first transaction, where mkfs's choice is not what is wanted. */
  readonly sequence?: number;
  /**
   * With checksums of version 1 debugfs sums a transaction that follows one of nothing but revoke
   * records in a way that neither the kernel nor e2fsck accepts.
   */
  readonly withoutRevokes?: true;
}

const formats: readonly Format[] = [
  ...[
    { features: '^metadata_csum', checksums: '' },
    { features: '^metadata_csum', checksums: '-c', withoutRevokes: true as const },
    { features: 'metadata_csum', checksums: '-c -v 2' },
    { features: 'metadata_csum', checksums: '-c -v 3' },
  ].flatMap(({ features, ...rest }) => [
    { ...rest, features: `${features},64bit`, blockBytes: 1024 },
    { ...rest, features: `${features},^64bit`, blockBytes: 4096 },
  ]),
  { blockBytes: 1024, features: '64bit', checksums: '', sequence: 0xfffffffc },
  { blockBytes: 1024, features: '^64bit,^metadata_csum', checksums: '', sequence: 0xfffffffe },
  { blockBytes: 2048, features: '64bit', checksums: '-c -v 3', sequence: 0x7ffffffe },
];

const imageBytes = 40 * 1024 * 1024;
const magic = Buffer.from([0xc0, 0x3b, 0x39, 0x98]);

/** A block in which nothing of the file system lies, picked from few, so that writes meet revokes. */
function freeBlock(random: Random, imageBlocks: number): number {
  return imageBlocks - 100 + random.between(0, 40);
}

/** A random log as debugfs commands, and the contents in files beside the image. */
async function writeLog(image: string, random: Random, format: Format) {
  const { blockBytes, checksums, withoutRevokes = false } = format;
  const blocks = imageBytes / blockBytes;
  const pick = (count: number) => [
    ...new Set(Array.from({ length: count }, () => freeBlock(random, blocks))),
  ];
  const commands = [`jo ${checksums}`];
  for (let transaction = 0; transaction < 12; transaction++) {
    const targets = pick(random.between(1, 30));
    const contents = random.bytes(targets.length * blockBytes);
    for (const [nth] of targets.entries()) {
      if (random.next() < 0.3) contents.set(magic, nth * blockBytes);
    }
    const file = path.join(path.dirname(image), `contents${transaction}`);
    await writeFile(file, contents);
    commands.push(`jw -b ${targets.join(',')} ${file}`);
    if (!withoutRevokes && random.next() < 0.5)
      commands.push(`jw -r ${pick(random.between(1, 12)).join(',')}`);
  }
  const last = path.join(path.dirname(image), 'contents0');
  commands.push(`jw -c -b ${freeBlock(random, blocks)} ${last}`, 'jc');
  const script = path.join(path.dirname(image), 'commands');
  await writeFile(script, commands.map((command) => `${command}\n`).join(''));
  await execa('debugfs', ['-w', '-f', script, image]);
}

/** Changes the journal superblock's s_sequence, which no tool does. */
async function setSequence(image: string, sequence: number, blockBytes: number): Promise<void> {
  const { stdout } = await execa('debugfs', ['-R', 'bmap <8> 0', image]);
  const handle = await open(image, 'r+');
  try {
    const field = Buffer.alloc(4);
    field.writeUInt32BE(sequence);
    await handle.write(field, 0, 4, Number(stdout) * blockBytes + 0x18);
  } finally {
    await handle.close();
  }
}

async function writtenImage(t: ExecutionContext, random: Random, format: Format): Promise<string> {
  const image = path.join(await scratchDirectory(t), 'written.img');
  await sparseFile(image, imageBytes);
  const { blockBytes, features, sequence } = format;
  await execa('mkfs.ext4', ['-q', '-F', '-b', String(blockBytes), '-O', features, image]);
  if (sequence !== undefined) await setSequence(image, sequence, blockBytes);
  await writeLog(image, random, format);
  return image;
}

for (const format of formats) {
  const { blockBytes, features, checksums, sequence } = format;
  const from = sequence === undefined ? '' : `, from transaction ${sequence}`;
  test(`written: ${features}, blocks of ${blockBytes}, jo ${checksums}${from}`, async (t) => {
    const image = await writtenImage(t, seededRandom(t, 77), format);
    const ours = await ourReplay(image);
    t.log(ours.outcome.detail);
    t.is(ours.outcome.state, 'replayed');
    t.true(differingBlocks(ours.before, ours.after, blockBytes).length > 5);
    const byE2fsck = await e2fsckReplay(await copyOf(image, 'e2fsck'));
    t.deepEqual(differencesInReplay(ours, byE2fsck, 'e2fsck'), []);
    const byKernel = await kernelReplay(t, await copyOf(image, 'kernel'));
    if (byKernel === null) t.fail('the kernel refuses what we replay');
    else t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), []);
  });
}

test('written: a checksum of version 1 that does not hold is refused, as by the kernel', async (t) => {
  const format = { blockBytes: 1024, features: '^metadata_csum', checksums: '-c' };
  const image = await writtenImage(t, seededRandom(t, 77), format);
  const { outcome } = await ourReplay(image);
  t.is(outcome.state, 'unfollowable');
  t.regex(outcome.detail, /^commit block of transaction \d+ at byte \d+: checksum does not match$/);
  t.is(await kernelReplay(t, image), null);
});
