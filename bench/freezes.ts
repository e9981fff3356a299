/** How long writers stand still for an online seed: by its own account, and by theirs. */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { OnlineSummary } from '../test/support/online.js';
import { type Load, longestBetween, startLoad } from './fio.js';
import { median } from './measure.js';
import type { OnlinePlace } from './online-place.js';
import { fastsync } from './source.js';
import { table } from './table.js';

const rate = '--rate=100m';
const direct = [rate, '--direct=1', '--ioengine=libaio', '--iodepth=32'];
const small = { name: '4 KiB, O_DIRECT', words: [...direct, '--bs=4k'] };

interface Case extends Load {
  /** Of fastsync. */
  readonly options?: readonly string[];
}

const cases: readonly Case[] = [
  small,
  { ...small, name: '4 KiB, O_DIRECT, --granularity 64K', options: ['--granularity', '64K'] },
  { name: '64 KiB, O_DIRECT', words: [...direct, '--bs=64k'] },
  { name: '4 KiB, through the page cache', words: [rate, '--bs=4k', '--ioengine=psync'] },
];

const longSeconds = 3600;
/** The load alone, before the seed: what it waits for anyway. */
const aloneMs = 3000;
/** Around the moment of the freeze, so long is looked at. */
const aroundMs = 1000;

interface Freezes {
  readonly mapMs: number;
  readonly mapSeenMs: number;
  readonly cutoverMs: number;
  readonly freezeCallMs: number;
  readonly cutoverSeenMs: number;
  readonly aloneSeenMs: number;
  readonly frozenMebibytes: number;
  readonly rounds: number;
  readonly writtenMb: number;
}

/** One row for each load, with the worst beside the median. */
export async function freezes(place: OnlinePlace): Promise<string> {
  const { rounds, fs, gib } = place.options;
  const rows: string[][] = [];
  for (const load of cases) {
    const found: (Freezes | null)[] = [];
    for (let round = 0; round < rounds; round++) {
      found.push(await freezesUnder(load, place));
      process.stderr.write(`freezes, ${load.name}, round ${round + 1}/${rounds}\n`);
    }
    rows.push(rowOf(load.name, found));
  }
  const heads = [
    ...['written by', 'MB/s', 'map ms', 'as fio saw it', 'cutover ms', 'of that the call'],
    ...['as fio saw it', 'MiB in it', 'rounds', 'fio’s longest alone ms'],
  ];
  return [
    `### How long writers wait: fastsync init --online of ${gib} GiB of ${fs}, fio writing 100 MB/s at random`,
    '',
    `Medians of ${rounds} runs, with the worst in brackets. "As fio saw it" is its longest latency from submission to completion around that moment.`,
    '',
    table(heads, rows),
    '',
  ].join('\n');
}

/** Null: it did not come to a cutover. */
async function freezesUnder(
  load: Case,
  { device, file, scratch, state }: OnlinePlace,
): Promise<Freezes | null> {
  const running = startLoad(load, file, longSeconds, scratch);
  try {
    await sleep(2 * aloneMs);
    const startedMs = Date.now();
    const target = path.join(scratch, 'freezes.img');
    const words = ['init', '--online', '--src', device, '--dst', target, '--yes', '--no-resume'];
    const own = [...state, ...(load.options ?? [])];
    const child = execa(fastsync[0], [fastsync[1], ...words, '--json', ...own], {
      reject: false,
    });
    let copyingMs = NaN;
    let last = '{}';
    for await (const line of child) {
      // The first report on the copy: the map is read.
      if (Number.isNaN(copyingMs)) copyingMs = Date.now();
      last = line;
    }
    const { exitCode, stderr } = await child;
    const { iops } = await running.stop();
    if (exitCode === 3) return null;
    if (exitCode !== 0) throw new Error(`fastsync init --online: ${stderr}`);
    const { cutover, mapFreezeMs } = JSON.parse(last) as OnlineSummary;
    const cutoverAtMs = Date.parse(cutover.consistentAt);
    const peaks = await running.peaks();
    return {
      mapMs: mapFreezeMs,
      mapSeenMs: longestBetween(peaks, startedMs, copyingMs),
      cutoverMs: cutover.freezeCallMs + cutover.heldMs,
      freezeCallMs: cutover.freezeCallMs,
      cutoverSeenMs: longestBetween(peaks, cutoverAtMs - aroundMs, cutoverAtMs + aroundMs),
      aloneSeenMs: longestBetween(peaks, startedMs - aloneMs, startedMs),
      frozenMebibytes: cutover.frozenBytes / 2 ** 20,
      rounds: cutover.rounds,
      writtenMb: (iops * blockBytes(load)) / 1e6,
    };
  } finally {
    await running.stop().catch(() => undefined);
  }
}

function blockBytes({ words }: Load): number {
  const word = words.find((one) => one.startsWith('--bs=')) ?? '';
  return Number.parseInt(word.slice('--bs='.length)) * 1024;
}

function rowOf(name: string, found: readonly (Freezes | null)[]): string[] {
  const done = found.filter((one) => one !== null);
  const cell = (of: (one: Freezes) => number) => {
    const values = done.map(of);
    if (values.length === 0) return '-';
    return `${median(values).toFixed(0)} (${Math.max(...values).toFixed(0)})`;
  };
  const unfinished = found.length - done.length;
  const remark = unfinished > 0 ? `, ${unfinished} of ${found.length} without an end` : '';
  return [
    `${name}${remark}`,
    cell((one) => one.writtenMb),
    ...[cell((one) => one.mapMs), cell((one) => one.mapSeenMs)],
    ...[cell((one) => one.cutoverMs), cell((one) => one.freezeCallMs)],
    ...[cell((one) => one.cutoverSeenMs), cell((one) => one.frozenMebibytes)],
    ...[cell((one) => one.rounds), cell((one) => one.aloneSeenMs)],
  ];
}
