/**
 * `node dist/bench/online-trials.js --runs 200`: seeds mounted file systems under an fsync load again and
 * again, and counts the fsyncs that a copy has lost. The same --seed does the same.
 */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import yargs from 'yargs';
import { randomFrom } from '../test/support/random.js';
import {
  checkLoad,
  fsyncLoad,
  type OnlineKindName,
  onlineKinds,
  onlineSource,
  seedOnline,
} from '../test/support/online.js';
import { median } from './measure.js';
import { table } from './table.js';

interface Trial {
  readonly kind: OnlineKindName;
  readonly checked: number;
  readonly lost: readonly string[];
  readonly mapFreezeMs: number;
  readonly cutoverMs: number;
  readonly frozenBytes: number;
}

/** What is mounted and attached for one trial. */
class Undoing {
  readonly #undo: (() => unknown)[] = [];

  teardown = (undo: () => unknown): void => {
    this.#undo.push(undo);
  };

  async end(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo();
  }
}

/** Of twenty trials, so many each. */
const shares: readonly [OnlineKindName, number][] = [
  ['ext4', 9],
  ['xfs', 8],
  ['btrfs', 3],
];
const cycle = shares.flatMap(([kind, share]) => Array<OnlineKindName>(share).fill(kind));

async function trial(kind: OnlineKindName, seed: number): Promise<Trial> {
  const random = randomFrom(seed);
  const owner = new Undoing();
  try {
    const direct = random.pick(['on', 'off']);
    const options = [
      ...['--backend', random.pick(['uring', 'threads'])],
      ...['--granularity', random.pick(['4K', '64K', '1M'])],
    ];
    const source = await onlineSource(owner, onlineKinds[kind], [`--direct-io=${direct}`]);
    const load = await fsyncLoad(owner, source, 'load', seed);
    await sleep(random.between(0, 1000));
    const target = path.join(source.scratch, 'target.img');
    const { pointInTimeMs, cutover, mapFreezeMs } = await seedOnline(source, target, options);
    await load.stop();
    // Two btrfs of one identity at a time are not always welcome.
    await source.unmount();
    const kept = await checkLoad(owner, onlineKinds[kind], target, load, pointInTimeMs);
    const { freezeCallMs, heldMs, frozenBytes } = cutover;
    return { kind, ...kept, mapFreezeMs, cutoverMs: freezeCallMs + heldMs, frozenBytes };
  } finally {
    await owner.end();
  }
}

const { runs, seed, atOnce } = await yargs(process.argv.slice(2))
  .options({
    runs: { type: 'number', default: 200, describe: 'How many seeds' },
    seed: { type: 'number', default: 1, describe: 'Of the first; each next one has the next' },
    'at-once': { type: 'number', default: 1, describe: 'So many at a time' },
  })
  .strict()
  .parseAsync();

const trials: Trial[] = [];
let next = 0;
async function work(): Promise<void> {
  while (next < runs) {
    const run = next++;
    const kind = cycle[run % cycle.length] ?? 'ext4';
    // A seed that fails is no copy, but the others are still to be looked at.
    const done = await trial(kind, seed + run).catch((error: unknown) => failed(kind, error));
    trials.push(done);
    const { checked, lost } = done;
    process.stdout.write(`seed ${seed + run}: ${kind}, ${checked} fsyncs, ${lost.length} lost\n`);
    for (const sentence of lost) process.stdout.write(`  ${sentence}\n`);
  }
}
await Promise.all(Array.from({ length: atOnce }, work));

function failed(kind: OnlineKindName, error: unknown): Trial {
  const lost = [`failed: ${String(error)}`];
  return { kind, checked: 0, lost, mapFreezeMs: NaN, cutoverMs: NaN, frozenBytes: NaN };
}

const present = shares.filter(([kind]) => trials.some((one) => one.kind === kind));
const rows = present.map(([kind]) => {
  const own = trials.filter((one) => one.kind === kind);
  const middle = (of: (one: Trial) => number) => median(own.map(of)).toFixed(0);
  return [
    kind,
    String(own.length),
    String(own.reduce((sum, { checked }) => sum + checked, 0)),
    String(own.reduce((sum, { lost }) => sum + lost.length, 0)),
    middle(({ mapFreezeMs }) => mapFreezeMs),
    middle(({ cutoverMs }) => cutoverMs),
    Math.max(...own.map(({ cutoverMs }) => cutoverMs)).toFixed(0),
    middle(({ frozenBytes }) => frozenBytes / 1024 ** 2),
  ];
});
const heads = [
  '',
  'runs',
  'fsyncs checked',
  'lost',
  'map ms',
  'cutover ms',
  'worst ms',
  'MiB in it',
];
process.stdout.write(`\n${table(heads, rows)}\n`);
const good = trials.filter(({ lost }) => lost.length === 0).length;
process.stdout.write(`${good} of ${runs} runs lost nothing\n`);
if (good < runs) process.exitCode = 1;
