/** The state of every pair as a Prometheus textfile, for node_exporter's collector. */

import { exitCodes } from '../errors.js';
import { readHistory, type RunRecord } from '../history/index.js';
import { replaceFile } from '../replace-file.js';

interface PairState {
  readonly pair: string;
  readonly last: RunRecord;
  /** The last run that knew the age of its proofs. */
  readonly lastKnown: RunRecord | null;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  /** Null: there is no value yet. */
  readonly value: (state: PairState) => number | null;
}

const lastSuccess = 'fastverify_last_success_timestamp_seconds';

const metrics: readonly Metric[] = [
  {
    name: 'last_run_timestamp_seconds',
    help: 'When the last check of the pair ended.',
    value: ({ last }) => endOf(last),
  },
  {
    name: 'duration_seconds',
    help: 'How long the last check took.',
    value: ({ last }) => last.seconds,
  },
  {
    name: 'exit_code',
    help: 'The exit code of the last check: 0 equal, 1 different, 3 not proven, others as documented.',
    value: ({ last }) => last.exitCode,
  },
  {
    name: 'compared_bytes',
    help: 'Bytes that the last check compared.',
    value: ({ last }) => last.comparedBytes,
  },
  {
    name: 'different_bytes',
    help: 'Bytes that differed at the end of the last check.',
    value: ({ last }) => last.differentBytes,
  },
  {
    name: 'different_ranges',
    help: 'Ranges that differed at the end of the last check.',
    value: ({ last }) => last.differentRanges,
  },
  {
    name: 'not_proven_bytes',
    help: 'Bytes that the last check could prove neither equal nor different.',
    value: ({ last }) => last.notProvenBytes,
  },
  {
    name: 'not_proven_ranges',
    help: 'Ranges that the last check could prove neither equal nor different.',
    value: ({ last }) => last.notProvenRanges,
  },
  {
    name: 'repaired_bytes',
    help: 'Bytes that the last check repaired.',
    value: ({ last }) => last.repairedBytes,
  },
  {
    name: 'oldest_proof_timestamp_seconds',
    help: 'When the least recently proven part of the volume was proven equal; absent while a part was never proven.',
    value: ({ lastKnown }) =>
      lastKnown?.oldestProof == null ? null : Date.parse(lastKnown.oldestProof) / 1000,
  },
];

/**
 * Replaces the textfile with the state of these pairs, and of no others. Rejects with the system's
 * error, and as readHistory() does.
 */
export async function writeMetrics(
  file: string,
  pairs: readonly string[],
  stateDirectory: string,
): Promise<void> {
  const states: PairState[] = [];
  const successes: string[] = [];
  for (const pair of pairs) {
    const history = await readHistory(stateDirectory, pair);
    const success = history.findLast(({ exitCode }) => exitCode === exitCodes.done);
    // Also for a pair that was never checked: an alert cannot see the age of a missing metric.
    successes.push(sample(lastSuccess, { pair }, success === undefined ? 0 : endOf(success)));
    const last = history.at(-1);
    if (last === undefined) continue;
    states.push({
      pair,
      last,
      lastKnown: history.findLast(({ outcome }) => outcome !== 'failed') ?? null,
    });
  }
  const help = 'When the last check with exit code 0 ended; 0: no check has had exit code 0.';
  await replaceFile(file, metricsText(states) + family(lastSuccess, help, successes), 0o644);
}

/** The text exposition format, version 0.0.4. */
function metricsText(states: readonly PairState[]): string {
  const infos = states.map(({ pair, last: { source, target } }) =>
    sample('fastverify_pair_info', { pair, source, target }, 1),
  );
  const families = metrics.map(({ name, help, value }) => {
    const full = `fastverify_${name}`;
    const samples = states.flatMap((state) => {
      const number = value(state);
      return number === null ? [] : [sample(full, { pair: state.pair }, number)];
    });
    return family(full, help, samples);
  });
  return [family('fastverify_pair_info', 'The volumes of each pair.', infos), ...families].join('');
}

function family(name: string, help: string, samples: readonly string[]): string {
  if (samples.length === 0) return '';
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${samples.join('')}`;
}

function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const list = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}{${list.join(',')}} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function endOf({ startedAt, seconds }: RunRecord): number {
  return Math.round(Date.parse(startedAt) + seconds * 1000) / 1000;
}
