/** What a command takes before it does anything, against Node alone. */

import { tmpdir } from 'node:os';
import { type Contestant, contest } from './measure.js';
import { fastsync, fastverify } from './source.js';
import { table } from './table.js';

/** GNU time counts in hundredths of a second, which is a third of what is measured here. */
const runs = 20;

const nowhere = '/nonexistent';

const lines: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['node -e 0', [process.execPath, '-e', '0']],
  ['fastsync --version', [...fastsync, '--version']],
  ['fastsync --help', [...fastsync, '--help']],
  ['fastsync init --help', [...fastsync, 'init', '--help']],
  ['fastverify --help', [...fastverify, '--help']],
  ['fastsync status', [...fastsync, 'status', '--state-dir', nowhere]],
  ['fastsync init (a usage error)', [...fastsync, 'init']],
  ['fastsync live --dst X (--src is missing)', [...fastsync, 'live', '--dst', nowhere]],
];

/** The CPU time of each command line, in turn; returns the table. */
export async function startUp(rounds: number): Promise<string> {
  const contestants = lines.map(([name, words]): Contestant => {
    const often = `for i in $(seq ${runs}); do "$@" >/dev/null 2>&1; done; true`;
    return { name, command: ['sh', '-c', often, 'sh', ...words] };
  });
  const scores = await contest(contestants, rounds, tmpdir());
  const msOf = ({ cpuSeconds }: { readonly cpuSeconds: number }) => (cpuSeconds * 1000) / runs;
  const alone = scores[0] === undefined ? 0 : msOf(scores[0]);
  const rows = scores.map((score) => [
    score.name,
    msOf(score).toFixed(0),
    (msOf(score) - alone).toFixed(0),
  ]);
  return [
    `### Starting`,
    '',
    `Medians of ${rounds} rounds of ${runs} runs each.`,
    '',
    table(['command line', 'CPU ms', 'more than Node alone'], rows),
    '',
  ].join('\n');
}
