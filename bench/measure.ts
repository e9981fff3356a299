/** Runs commands under GNU time, in turn and with cold caches, and reduces the readings to medians. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

export interface Reading {
  readonly wallSeconds: number;
  /** User and system time of the process and its children. */
  readonly cpuSeconds: number;
  readonly peakMebibytes: number;
}

export interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  /** Exit codes that count as success; default only 0. */
  readonly accepted?: readonly number[];
}

export interface Score extends Reading {
  readonly name: string;
  readonly rounds: number;
}

/** One run of a command, caches dropped first. Rejects if the command fails. */
export async function measure(contestant: Contestant, scratch: string): Promise<Reading> {
  await execa('sync');
  await writeFile('/proc/sys/vm/drop_caches', '3');
  const log = path.join(scratch, 'time.log');
  const args = ['-q', '-o', log, '-f', '%e %U %S %M', ...contestant.command];
  const { exitCode, stderr } = await execa('/usr/bin/time', args, {
    reject: false,
    stdin: 'ignore',
  });
  if (exitCode === undefined || !(contestant.accepted ?? [0]).includes(exitCode)) {
    throw new Error(
      `${contestant.name} ended with ${exitCode ?? 'a signal'}: ${stderr.slice(-500)}`,
    );
  }
  const [wall, user, system, peakKib] = (await readFile(log, 'utf8')).trim().split(' ').map(Number);
  if (wall === undefined || user === undefined || system === undefined || peakKib === undefined) {
    throw new Error(`Expected four numbers from GNU time for ${contestant.name}`);
  }
  return { wallSeconds: wall, cpuSeconds: user + system, peakMebibytes: peakKib / 1024 };
}

/** All contestants in turn, `rounds` times, so that what the machine does besides hits all alike. */
export async function contest(
  contestants: readonly Contestant[],
  rounds: number,
  scratch: string,
): Promise<Score[]> {
  const readings = contestants.map((): Reading[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      readings[index]?.push(await measure(contestant, scratch));
      process.stderr.write(`round ${round + 1}/${rounds}: ${contestant.name}\n`);
    }
  }
  return contestants.map(({ name }, index) => ({
    name,
    rounds,
    wallSeconds: median((readings[index] ?? []).map((reading) => reading.wallSeconds)),
    cpuSeconds: median((readings[index] ?? []).map((reading) => reading.cpuSeconds)),
    peakMebibytes: median((readings[index] ?? []).map((reading) => reading.peakMebibytes)),
  }));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between the two nearest values, in proportion. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)] ?? NaN;
  return low + ((sorted[Math.ceil(place)] ?? NaN) - low) * (place % 1);
}
