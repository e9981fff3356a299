/** What seeding costs the programs that write to the source meanwhile, and what else one could do there. */

import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { type Load, type LoadReading, startLoad } from './fio.js';
import { median } from './measure.js';
import type { OnlinePlace } from './online-place.js';
import { fastsync } from './source.js';
import { table } from './table.js';
import { withTracker } from './tracker-overhead.js';
import { gibibyte } from './volumes.js';

const direct = ['--bs=4k', '--direct=1', '--ioengine=libaio', '--iodepth=32'];
const loads: readonly Load[] = [
  { name: 'as many writes as there can be', words: direct },
  { name: '2000 writes a second', words: [...direct, '--rate_iops=2000'] },
];

/** Long enough for whatever runs beside it; it is stopped then. */
const longSeconds = 3600;
const lagToleranceMs = 500;

/** What runs beside the load. */
interface Neighbour {
  readonly name: string;
  /** Null: nothing that ends by itself. */
  readonly command: readonly [string, ...string[]] | null;
  readonly tracked?: boolean;
}

interface Beside extends LoadReading {
  readonly seconds: number;
  readonly exitCode: number;
}

/** One table for each load. */
export async function slowdown(place: OnlinePlace): Promise<string> {
  const { workshop, gib } = place.options;
  const target = await workshop.loop(await workshop.image('online-target.img', gib * gibibyte));
  const neighbours = neighboursOf(place, target);
  const tables: string[] = [];
  for (const load of loads) tables.push(await slowdownUnder(load, place, neighbours));
  return tables.join('\n');
}

function neighboursOf(place: OnlinePlace, target: string): Neighbour[] {
  const { device, state } = place;
  const seed = [...fastsync, 'init', '--online', '--src', device, '--dst', target] as const;
  const init = [...seed, '--yes', '-q', '--no-resume', ...state] as const;
  return [
    { name: 'nothing', command: null },
    { name: 'fastsync track', command: null, tracked: true },
    { name: 'fastsync init --online', command: init },
    { name: 'the same, --bwlimit 100M', command: [...init, '--bwlimit', '100M'] },
    {
      name: 'dd of the whole device: no consistent copy',
      command: ['dd', `if=${device}`, `of=${target}`, 'bs=1M', 'iflag=direct', 'oflag=direct'],
    },
  ];
}

async function slowdownUnder(
  load: Load,
  place: OnlinePlace,
  neighbours: readonly Neighbour[],
): Promise<string> {
  const { rounds, seconds, fs, gib } = place.options;
  const readings = neighbours.map((): Beside[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, neighbour] of neighbours.entries()) {
      const run = () => loadBeside(load, place, neighbour);
      const reading = neighbour.tracked ? withTracker(place.device, run) : run();
      readings[index]?.push(await reading);
      process.stderr.write(
        `slowdown, ${load.name}, round ${round + 1}/${rounds}: ${neighbour.name}\n`,
      );
    }
  }
  const rows = neighbours.map(({ name, command }, index) =>
    rowOf(name, command !== null, readings[index] ?? [], readings[0] ?? []),
  );
  const heads = ['beside it', 'IOPS', 'of alone', 'p50 µs', 'p99 µs', 'p99.9 µs', 'it took s'];
  return [
    `### What seeding costs the writers: fio, ${load.name}, on ${gib} GiB of ${fs}`,
    '',
    `Medians of ${rounds} rounds, in turn, of ${seconds} s each where nothing ends by itself. Source and target are on one disk. Latency from submission to completion.`,
    '',
    table(heads, rows),
    '',
  ].join('\n');
}

async function loadBeside(
  load: Load,
  { options, file, scratch }: OnlinePlace,
  { command }: Neighbour,
): Promise<Beside> {
  if (command === null) {
    const { seconds } = options;
    return { ...(await startLoad(load, file, seconds, scratch).done), seconds, exitCode: 0 };
  }
  const running = startLoad(load, file, longSeconds, scratch);
  await sleep(lagToleranceMs);
  const startedMs = performance.now();
  const [program, ...words] = command;
  const { exitCode, stderr } = await execa(program, words, { reject: false, stdin: 'ignore' });
  const seconds = (performance.now() - startedMs) / 1000;
  const reading = await running.stop();
  // A load that cannot be followed is a result; anything else is a mistake.
  if (exitCode !== 0 && exitCode !== 3) throw new Error(`${command.join(' ')}: ${stderr}`);
  return { ...reading, seconds, exitCode };
}

function rowOf(
  name: string,
  ends: boolean,
  readings: readonly Beside[],
  alone: readonly Beside[],
): string[] {
  const middle = (of: (one: Beside) => number) => median(readings.map(of));
  const iops = middle((one) => one.iops);
  const unfinished = readings.filter(({ exitCode }) => exitCode !== 0).length;
  const remark = unfinished > 0 ? `, ${unfinished} of ${readings.length} without an end` : '';
  return [
    `${name}${remark}`,
    iops.toFixed(0),
    (iops / median(alone.map((one) => one.iops))).toFixed(2),
    ...[middle((one) => one.p50Us), middle((one) => one.p99Us), middle((one) => one.p999Us)].map(
      (us) => us.toFixed(0),
    ),
    ends ? middle((one) => one.seconds).toFixed(1) : '-',
  ];
}
