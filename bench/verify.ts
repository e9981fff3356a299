/** How long a verification takes: fastverify against tools that compare, or hash, whole volumes. */

import path from 'node:path';
import { execa } from 'execa';
import { type Contestant, contest } from './measure.js';
import { type ContestOptions, fastverify, makeSource } from './source.js';
import { scoreTable } from './table.js';
import { gibibyte } from './volumes.js';

const mebibyte = 1024 ** 2;

/** Verifies a volume against an exact copy of it with each tool; returns the table. */
export async function verifyContest(options: ContestOptions): Promise<string> {
  const { workshop, fs, rounds, gib } = options;
  const { image, source, usedBytes, rangeCount } = await makeSource(options);
  const copy = path.join(workshop.directory, 'target.img');
  await execa('cp', ['--sparse=always', image, copy]);
  const target = await workshop.loop(copy);
  const scores = await contest(
    contestantsFor(source, target, usedBytes, workshop.directory),
    rounds,
    workshop.directory,
  );
  const title = `Verifying ${gib} GiB of ${fs}, ${(usedBytes / gibibyte).toFixed(2)} GiB used, ${rangeCount} ranges`;
  return scoreTable(title, scores);
}

function contestantsFor(
  source: string,
  target: string,
  usedBytes: number,
  scratch: string,
): Contestant[] {
  const state = ['--state-dir', path.join(scratch, 'state'), '--no-resume', '-q'];
  const read = (device: string): Contestant => ({
    name: `dd O_DIRECT, reading the used bytes of ${device === source ? 'one side' : 'the other'}`,
    command: [
      ...['dd', `if=${device}`, 'of=/dev/null', 'bs=1M', 'iflag=direct'],
      `count=${Math.ceil(usedBytes / mebibyte)}`,
    ],
  });
  return [
    { name: 'fastverify', command: [...fastverify, '--src', source, '--dst', target, ...state] },
    read(source),
    read(target),
    {
      name: 'qemu-img compare',
      command: ['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', '-T', 'none', source, target],
    },
    { name: 'cmp', command: ['cmp', source, target] },
    {
      name: 'xxhsum -H128, both sides at once',
      command: ['sh', '-c', `xxhsum -H128 ${source} & xxhsum -H128 ${target}; wait`],
    },
  ];
}
