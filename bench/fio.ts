/** A load by fio, for as long as something else is measured beside it: what it got through, how long it waited. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** Writes at random places; `words` are fio's own options for how hard. */
export interface Load {
  readonly name: string;
  readonly words: readonly string[];
}

/** Latencies count from the call to the completion, so that waiting to be let in is part of them. */
export interface LoadReading {
  readonly iops: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly writes: number;
}

/** The longest latency of about every 10 ms, by wall clock. */
export interface LatencyPeak {
  readonly atMs: number;
  readonly longestMs: number;
}

export interface RunningLoad {
  /** Ends it, if its time is not over. Rejects if it had failed. */
  stop(): Promise<LoadReading>;
  /** When it has ended by itself. */
  readonly done: Promise<LoadReading>;
  /** After its end. */
  peaks(): Promise<LatencyPeak[]>;
}

const nsPerUs = 1e3;
const nsPerMs = 1e6;
const peakWindowMs = 10;
/** fio's exit code when it was told to stop: SIGINT's number with the high bit. */
const stopped = 128;

/** Lays the file out with real blocks, so that every later write overwrites. */
export async function layOut(file: string, bytes: number): Promise<void> {
  const words = ['--name=layout', `--filename=${file}`, `--size=${bytes}`, '--rw=write', '--bs=1M'];
  await execa('fio', [...words, '--direct=1', '--end_fsync=1', '--output=/dev/null']);
}

/** Starts a load on a file that was laid out; it lasts `seconds` unless it is stopped. */
export function startLoad(
  { words }: Load,
  file: string,
  seconds: number,
  scratch: string,
): RunningLoad {
  const output = path.join(scratch, 'fio.json');
  const log = path.join(scratch, 'fio');
  const child = execa(
    'fio',
    [
      ...['--name=load', `--filename=${file}`, '--rw=randwrite', '--norandommap'],
      ...['--time_based', `--runtime=${seconds}`, '--lat_percentiles=1', '--clat_percentiles=0'],
      ...['--percentile_list=50:99:99.9', '--output-format=json', `--output=${output}`],
      ...[`--write_lat_log=${log}`, '--log_max_value=1', `--log_avg_msec=${peakWindowMs}`],
      ...['--log_unix_epoch=1', ...words],
    ],
    { reject: false, stdin: 'ignore' },
  );
  const done = child.then(async ({ exitCode, stderr }) => {
    if (exitCode !== 0 && exitCode !== stopped) throw new Error(`fio failed: ${stderr}`);
    return readingFrom(await readFile(output, 'utf8'));
  });
  return {
    done,
    stop: () => {
      child.kill('SIGINT');
      return done;
    },
    peaks: async () => peaksFrom(await readFile(`${log}_lat.1.log`, 'utf8')),
  };
}

interface FioJson {
  readonly jobs: readonly {
    readonly write: {
      readonly iops: number;
      readonly total_ios: number;
      readonly lat_ns: { readonly percentile: Readonly<Record<string, number>> };
    };
  }[];
}

/** Of fio's JSON, before which it may have written notes of its own. */
function readingFrom(text: string): LoadReading {
  const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as FioJson;
  const write = jobs[0]?.write;
  if (write === undefined) throw new Error('Expected one job in the JSON of fio');
  const us = (percentile: string) => (write.lat_ns.percentile[percentile] ?? NaN) / nsPerUs;
  return {
    iops: write.iops,
    writes: write.total_ios,
    p50Us: us('50.000000'),
    p99Us: us('99.000000'),
    p999Us: us('99.900000'),
  };
}

/** Lines of "milliseconds, nanoseconds of latency, ...", as the manual of fio has it (LOG FILE FORMATS). */
function peaksFrom(text: string): LatencyPeak[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [at = NaN, latency = NaN] = line.split(',').map(Number);
    return { atMs: at, longestMs: latency / nsPerMs };
  });
}

/** The longest latency of the windows that ended from `fromMs` to `toMs`, in ms. */
export function longestBetween(
  peaks: readonly LatencyPeak[],
  fromMs: number,
  toMs: number,
): number {
  return peaks.reduce(
    (most, { atMs, longestMs }) =>
      atMs >= fromMs && atMs <= toMs + peakWindowMs ? Math.max(most, longestMs) : most,
    0,
  );
}
