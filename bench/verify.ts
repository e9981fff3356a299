/** How long a verification takes: fastverify against tools that compare, or hash, whole volumes. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { type Contestant, contest } from './measure.js';
import { type ContestOptions, fastverify, makeSource, type UsedRange } from './source.js';
import { scoreTable } from './table.js';
import { gibibyte } from './volumes.js';

const mebibyte = 1024 ** 2;

/**
 * Verifies a volume against an exact copy of it with each tool, once with both sides on one disk, which
 * they have to share, and once with the copy in memory; returns the tables.
 */
export async function verifyContest(options: ContestOptions): Promise<string> {
  const { workshop, fs, rounds, gib } = options;
  const { image, source, usedBytes, ranges } = await makeSource(options);
  const used = `${(usedBytes / gibibyte).toFixed(2)} GiB used, ${ranges.length} ranges`;
  const tables: string[] = [];
  for (const place of ['on the same disk', 'in memory'] as const) {
    const copy =
      place === 'in memory'
        ? await workshop.memoryImage('memory.img', gib * gibibyte)
        : path.join(workshop.directory, 'target.img');
    await execa('cp', ['--sparse=always', image, copy]);
    const target = await workshop.loop(copy);
    const pair = { source, target, ranges, usedBytes };
    const limits = await usAndTheLimits(pair, workshop.directory);
    // Nobody else gets any better by this.
    const contestants = place === 'in memory' ? limits : [...limits, ...peers(pair)];
    const scores = await contest(contestants, rounds, workshop.directory);
    tables.push(scoreTable(`Verifying ${gib} GiB of ${fs}, ${used}, its copy ${place}`, scores));
  }
  return tables.join('\n');
}

interface Pair {
  readonly source: string;
  readonly target: string;
  readonly ranges: readonly UsedRange[];
  readonly usedBytes: number;
}

/** fastverify, and what reading alone takes. */
async function usAndTheLimits(
  { source, target, ranges, usedBytes }: Pair,
  scratch: string,
): Promise<Contestant[]> {
  const state = ['--state-dir', path.join(scratch, 'state'), '--no-resume', '-q'];
  const logs = [
    await readingLog(source, ranges, scratch),
    await readingLog(target, ranges, scratch),
  ];
  return [
    { name: 'fastverify', command: [...fastverify, '--src', source, '--dst', target, ...state] },
    {
      name: 'fio O_DIRECT, reading the used ranges of both sides at once',
      command: fioCommand(logs),
    },
    {
      name: 'fio O_DIRECT, reading the used ranges of the source alone',
      command: fioCommand(logs.slice(0, 1)),
    },
    {
      name: 'dd O_DIRECT, reading as many bytes of the source in one piece',
      command: [
        ...['dd', `if=${source}`, 'of=/dev/null', 'bs=1M', 'iflag=direct'],
        `count=${Math.ceil(usedBytes / mebibyte)}`,
      ],
    },
  ];
}

/** What compares whole volumes, or hashes them. */
function peers({ source, target }: Pair): Contestant[] {
  return [
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

/** The used ranges as orders to fio, a mebibyte at a time: its "Trace file format v2". */
async function readingLog(
  device: string,
  ranges: readonly UsedRange[],
  scratch: string,
): Promise<string> {
  const lines = ['fio version 2 iolog', `${device} add`, `${device} open`];
  for (const { start, length } of ranges) {
    for (let done = 0; done < length; done += mebibyte) {
      lines.push(`${device} read ${start + done} ${Math.min(mebibyte, length - done)}`);
    }
  }
  const file = path.join(scratch, `${path.basename(device)}.iolog`);
  await writeFile(file, `${[...lines, `${device} close`].join('\n')}\n`);
  return file;
}

/** As deep a queue as fastverify's. */
function fioCommand(logs: readonly string[]): string[] {
  const jobs = logs.flatMap((log, index) => [`--name=side${index}`, `--read_iolog=${log}`]);
  return ['fio', '--ioengine=libaio', '--direct=1', '--iodepth=32', '--output=/dev/null', ...jobs];
}
