/** Runs `fastsync live` beside a test, follows what it says, and stops it when the test ends. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncBin, type JsonLine } from './fastsync.js';
import { during } from './until.js';

export interface LiveRun {
  /** Lines of --json so far. */
  readonly lines: readonly JsonLine[];
  /** Resolves when the target has reached an epoch of at least this number. */
  epoch(target: string, number: number): Promise<void>;
  /** Waits for what the run is to bring about; throws if it ended without. */
  during(holds: () => Promise<boolean> | boolean): Promise<void>;
  /** Resolves with the first line for which this holds. */
  line(holds: (line: JsonLine) => boolean): Promise<JsonLine>;
  kill(): Promise<void>;
  /** SIGTERM, and what it ended with. */
  stop(): Promise<{ exitCode: number | undefined; summary: JsonLine; stderr: string }>;
  end(): Promise<{ exitCode: number | undefined; summary: JsonLine; stderr: string }>;
}

/**
 * Its state directory is `directory`/state. The directory's path is in the hook's SNAPSHOTS. `wrapper` is
 * a command that becomes the one which it is given.
 */
export function startLive(
  t: ExecutionContext,
  directory: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
): LiveRun {
  const state = path.join(directory, 'state');
  const told = ['live', ...words, '--state-dir', state, '--json'];
  const [file = '', ...args] = [...wrapper, process.execPath, fastsyncBin, ...told];
  const child = execa(file, args, {
    reject: false,
    stdin: 'ignore',
    env: { SNAPSHOTS: directory, ...environment },
    // How long it takes to stop is its own affair, and may be what a test is about.
    forceKillAfterDelay: false,
  });
  const lines: JsonLine[] = [];
  let rest = '';
  child.stdout.on('data', (data: Buffer) => {
    const parts = `${rest}${String(data)}`.split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as JsonLine);
  });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await child;
  });
  const line = async (holds: (line: JsonLine) => boolean) => {
    let found: JsonLine | undefined;
    await during(child, () => (found = lines.find(holds)) !== undefined);
    return found as unknown as JsonLine;
  };
  const end = async () => {
    const { exitCode, stderr } = await child;
    const summary = lines.at(-1);
    if (summary?.type !== 'summary')
      throw new Error(`no summary: ${exitCode} ${stderr} ${JSON.stringify(lines)}`);
    return { exitCode, summary, stderr };
  };
  return {
    lines,
    during: (holds) => during(child, holds),
    line,
    end,
    async epoch(target, number) {
      await line((one) => {
        return one.type === 'epoch' && one.target === target && Number(one.epoch) >= number;
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await child;
    },
    stop() {
      child.kill('SIGTERM');
      return end();
    },
  };
}

/** The states that the status files below `directory`/state show, in no order. */
export async function statesIn(directory: string): Promise<string[]> {
  return (await statusesIn(directory)).map(({ state }) => state);
}

/** The only status file below `directory`/state. */
export async function statusIn(directory: string): Promise<object> {
  const [status] = await statusesIn(directory);
  if (status === undefined) throw new Error(`Expected a status below ${directory}`);
  return status;
}

async function statusesIn(directory: string): Promise<{ readonly state: string }[]> {
  const live = path.join(directory, 'state', 'live');
  const names = (await readdir(live).catch(() => [])).filter((name) =>
    name.endsWith('.status.json'),
  );
  const texts = await Promise.all(names.map((name) => readFile(path.join(live, name), 'utf8')));
  return texts.map((text) => JSON.parse(text) as { state: string });
}
