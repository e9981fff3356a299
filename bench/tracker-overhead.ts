/** What the write tracker costs the writers: fio without it and with it, in turn, and the kernel's own account. */

import { execa } from 'execa';
import { bpfCost, type BpfCost } from './bpf-stats.js';
import { type Load, type LoadReading, startLoad } from './fio.js';
import { median, quantile } from './measure.js';
import type { OnlinePlace } from './online-place.js';
import { fastsync } from './source.js';
import { table } from './table.js';

const load: Load = {
  name: '4 KiB, 32 at once',
  words: ['--bs=4k', '--direct=1', '--ioengine=libaio', '--iodepth=32'],
};

interface WriteCounter extends BpfCost {
  readonly writes: number;
  readonly iops: number;
}

/** Runs something with the device tracked. */
export async function withTracker<T>(device: string, action: () => Promise<T>): Promise<T> {
  await execa(fastsync[0], [fastsync[1], 'track', 'start', device]);
  try {
    return await action();
  } finally {
    await execa(fastsync[0], [fastsync[1], 'track', 'stop', device]);
  }
}

/** Both tables: what fio got through, and what one write cost the processors. */
export async function trackerOverhead(place: OnlinePlace): Promise<string> {
  const { rounds, seconds } = place.options;
  const run = () => startLoad(load, place.file, seconds, place.scratch).done;
  await run(); // what the first one finds cold is nobody's cost
  const without: LoadReading[] = [];
  const tracked: LoadReading[] = [];
  const accounts: WriteCounter[] = [];
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first may find another machine: in turn.
    const turns = [
      async () => without.push(await run()),
      async () => tracked.push(await withTracker(place.device, run)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
    // Taking the time costs time itself, so this is a run of its own.
    accounts.push(await account(place.device, run));
    process.stderr.write(`tracker, round ${round + 1}/${rounds}\n`);
  }
  return [
    `### What the tracker costs: fio, ${load.name}, O_DIRECT, on a mounted ${place.options.fs}`,
    '',
    `Medians of ${rounds} rounds of ${seconds} s each, in turn; the range in brackets is the middle half of the rounds. Latency from submission to completion.`,
    '',
    overheadTable(without, tracked),
    '',
    'According to the kernel (`kernel.bpf_stats_enabled`), in separate rounds. This includes the cost of taking the time. A write runs one program when it is submitted and three when it completes; so does the write to the disk below the loop device:',
    '',
    accountTable(accounts),
    '',
  ].join('\n');
}

async function account(device: string, run: () => Promise<LoadReading>): Promise<WriteCounter> {
  let reading: LoadReading | undefined;
  const start = () => execa(fastsync[0], [fastsync[1], 'track', 'start', device]);
  try {
    const cost = await bpfCost(start, async () => {
      reading = await run();
    });
    return { ...cost, writes: reading?.writes ?? NaN, iops: reading?.iops ?? NaN };
  } finally {
    await execa(fastsync[0], [fastsync[1], 'track', 'stop', device]);
  }
}

function overheadTable(without: readonly LoadReading[], tracked: readonly LoadReading[]): string {
  const row = (name: string, readings: readonly LoadReading[]) => {
    const middle = (of: (one: LoadReading) => number) => median(readings.map(of)).toFixed(0);
    const iops = readings.map((one) => one.iops);
    const [low, high] = [quantile(iops, 0.25), quantile(iops, 0.75)];
    return [
      name,
      `${median(iops).toFixed(0)} (${low.toFixed(0)} to ${high.toFixed(0)})`,
      ...[middle((one) => one.p50Us), middle((one) => one.p99Us), middle((one) => one.p999Us)],
    ];
  };
  const pairs = without.map((one, index) => (tracked[index]?.iops ?? NaN) / one.iops);
  const share = (part: number) => quantile(pairs, part).toFixed(3);
  const ratio = `${share(0.5)} (${share(0.25)} to ${share(0.75)})`;
  return table(
    ['', 'IOPS', 'p50 µs', 'p99 µs', 'p99.9 µs'],
    [
      row('no tracker', without),
      row('fastsync track', tracked),
      ['ratio, pair by pair', ratio, '', '', ''],
    ],
  );
}

function accountTable(accounts: readonly WriteCounter[]): string {
  const middle = (of: (one: WriteCounter) => number) => median(accounts.map(of));
  const nsPerWrite = ({ runNs, writes }: WriteCounter) => runNs / writes;
  return table(
    ['ns per run of a program', 'runs per write', 'ns per write', 'of the time of one write'],
    [
      [
        middle(({ runNs, runs }) => runNs / runs).toFixed(0),
        middle(({ runs, writes }) => runs / writes).toFixed(2),
        middle(nsPerWrite).toFixed(0),
        `${middle((one) => (nsPerWrite(one) * one.iops) / 1e7).toFixed(2)} %`,
      ],
    ],
  );
}
