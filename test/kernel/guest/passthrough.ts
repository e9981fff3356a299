/** Programs that send a disk commands of their own: whoever writes so is told of. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { execa } from 'execa';
import { fillWithGarbage } from '../../support/garbage.js';
import { scratchDirectory, sparseFile } from '../../support/scratch.js';
import { differences, trackerOf } from '../../tracker/support.js';
import { kernelTest } from './kernel-test.js';
import * as stacks from './stacks.js';

/** What the commands read and write: 8 sectors, from the first MiB on. */
const place = { sector: 2048, sectors: 8, bytes: 4096 };

interface Passthrough {
  readonly stack: 'scsi' | 'nvme';
  readonly modules: readonly string[];
  /** The disk itself, and its device for commands alone. */
  readonly nodes: readonly string[];
  readonly read: (node: string) => Promise<unknown>;
  readonly write: (node: string, file: string) => Promise<unknown>;
}

const passthroughs: readonly Passthrough[] = [
  {
    stack: 'scsi',
    modules: ['sg'],
    nodes: ['/dev/sda', '/dev/sg0'],
    read: (node) => sgRaw(node, 0x28, [`--request=${place.bytes}`]),
    write: (node, file) => sgRaw(node, 0x2a, [`--send=${place.bytes}`, `--infile=${file}`]),
  },
  {
    stack: 'nvme',
    modules: [],
    nodes: ['/dev/nvme0n1', '/dev/ng0n1'],
    read: (node) => nvmePassthru(node, 2, ['--read']),
    write: (node, file) => nvmePassthru(node, 1, ['--write', `--input-file=${file}`]),
  },
];

for (const { stack, modules, nodes, read, write } of passthroughs) {
  kernelTest(`${stack}: a write command of a program's own is told of`, async (t) => {
    const { top } = await stacks[stack]();
    for (const module of modules) await execa('modprobe', [module]);
    const scratch = await scratchDirectory(t);
    for (const [index, node] of nodes.entries()) {
      const tracker = await trackerOf(t, top);
      await read(node);
      const quiet = await tracker.drain();
      assert.deepEqual([[...quiet.dirty], quiet.missed], [[], null], `${node}: read`);
      const sent = await sparseFile(path.join(scratch, `sent${index}`), place.bytes);
      await fillWithGarbage(sent, place.bytes, 80 + index);
      const there = path.join(scratch, 'there');
      assert.notEqual(await differences(await blockTo(top, there), sent), '');
      await write(node, sent);
      assert.equal(await differences(await blockTo(top, there), sent), '');
      assert.match((await tracker.drain()).missed ?? '', /sent raw commands to the disk/, node);
      // It does not get better.
      assert.match((await tracker.drain()).missed ?? '', /sent raw commands to the disk/, node);
    }
  });
}

/** READ(10) and WRITE(10) differ in their operation code alone. */
function sgRaw(node: string, operation: number, options: readonly string[]): Promise<unknown> {
  const { sector, sectors } = place;
  const command = [operation, 0, 0, 0, sector >> 8, sector & 0xff, 0, 0, sectors, 0];
  const bytes = command.map((byte) => byte.toString(16).padStart(2, '0'));
  return execa('sg_raw', [...options, node, ...bytes]);
}

function nvmePassthru(node: string, opcode: number, options: readonly string[]): Promise<unknown> {
  const command = [`--opcode=${opcode}`, '--namespace-id=1', `--data-len=${place.bytes}`];
  const where = [`--cdw10=${place.sector}`, `--cdw12=${place.sectors - 1}`];
  return execa('nvme', ['io-passthru', node, ...command, ...where, ...options]);
}

/** What the disk holds there, past its page cache. */
async function blockTo(device: string, file: string): Promise<string> {
  const { sector, sectors, bytes } = place;
  const words = [`bs=${bytes}`, `skip=${sector / sectors}`, 'count=1', 'iflag=direct'];
  await execa('dd', [`if=${device}`, `of=${file}`, ...words]);
  return file;
}
