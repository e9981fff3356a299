/** What `fastsync status` does. It is asked often: no engine is loaded for it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type ExitCode, exitCodes } from '../../errors.js';
import { isScreen } from '../../report/screen.js';
import { formatAge, formatBytes } from '../../report/units.js';
import { visible } from '../../report/visible.js';
import { type FoundStatus, readStatuses } from '../../sync/live/status-file.js';
import { stateDirectory } from '../../sync/state-file.js';
import { isoOf } from '../live/summary.js';
import { print } from '../print.js';
import { abortOnSignals } from '../signals.js';
import type { StatusArguments } from './options.js';

const watchEveryMs = 1000;
const clearScreen = '\u001B[H\u001B[J';

export async function runStatus(args: StatusArguments): Promise<void> {
  const directory = stateDirectory(args['state-dir']);
  const { signal, release } = abortOnSignals(null);
  const clears = args.watch && !args.json && isScreen(process.stdout);
  do {
    const found = await readStatuses(directory);
    const text = args.json ? `${JSON.stringify(jsonOf(found))}\n` : tableOf(found);
    const isRead = await print(process.stdout, [clears ? clearScreen : '', text]);
    process.exitCode = exitCodeOf(found);
    if (!isRead) break;
    if (args.watch) await sleep(watchEveryMs, undefined, { signal }).catch(() => undefined);
  } while (args.watch && !signal.aborted);
  release();
}

/** Incomplete where a replication does not run or hangs, failed, or has no whole target yet. */
function exitCodeOf(found: readonly FoundStatus[]): ExitCode {
  const isWell = ({ running, error, consistentAt, state }: FoundStatus) =>
    running && state !== 'stalled' && error === null && consistentAt !== null;
  return found.every(isWell) ? exitCodes.done : exitCodes.incomplete;
}

function jsonOf(found: readonly FoundStatus[]) {
  const replications = found.map(({ lagMs, since, updatedAt, consistentAt, ...rest }) => {
    const { schema: _, processStart: __, bootId: ___, beatMs: ____, error, ...known } = rest;
    return {
      ...known,
      error: error === null ? null : { ...error, since: isoOf(error.since ?? null) },
      since: isoOf(since),
      updatedAt: isoOf(updatedAt),
      consistentAt: isoOf(consistentAt),
      lagSeconds: lagMs === null ? null : lagMs / 1000,
    };
  });
  return { type: 'status', replications };
}

const headings = ['SOURCE', 'TARGET', 'ROLE', 'STATE', 'DIRTY', 'EPOCH', 'CONSISTENT AT', 'LAG'];

function tableOf(found: readonly FoundStatus[]): string {
  if (found.length === 0) return 'no replications\n';
  const rows = [headings, ...found.map(rowOf)].map((row) => row.map(visible));
  const widths = headings.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...found.flatMap(remarksOn).map(visible)].map((line) => `${line}\n`).join('');
}

function rowOf(one: FoundStatus): string[] {
  const { source, target, role, state, dirtyBytes, epoch, consistentAt, lagMs, running } = one;
  return [
    source.path,
    target.path,
    role,
    running ? state : 'not running',
    // What was written since it ended, nobody counted.
    running && state !== 'stalled' ? formatBytes(dirtyBytes) : '?',
    String(epoch),
    isoOf(consistentAt) ?? '-',
    lagMs === null ? '-' : formatAge(lagMs / 1000),
  ];
}

function remarksOn(one: FoundStatus) {
  const { target, running, updatedAt, consistentAt, error, state, hook } = one;
  const remarks: string[] = [];
  if (!running) {
    const words = error === null ? 'without an error message' : 'with the error below';
    const how = state === 'stopped' ? 'stopped' : `ended ${words}`;
    const held =
      consistentAt === null
        ? 'the target is incomplete'
        : `the target is consistent at ${isoOf(consistentAt) ?? ''}, or its journal holds a later epoch`;
    remarks.push(`${target.path}: not running since ${isoOf(updatedAt) ?? ''} (${how}); ${held}`);
  }
  if (running && state === 'stalled') {
    const what = 'its process is stopped or hangs; the figures are from then';
    remarks.push(`${target.path}: no sign of life since ${isoOf(updatedAt) ?? ''}: ${what}`);
  }
  if (running && state === 'hook' && hook !== null && hook !== undefined) {
    const since = isoOf(one.since) ?? '';
    remarks.push(`${target.path}: the command of --${hook} has been running since ${since}`);
  }
  if (error !== null) remarks.push(`${target.path}: ${error.message}`);
  return remarks;
}
