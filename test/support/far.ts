/** A seed onto another host, which is this one behind an sshd: what to say, and what runs. */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { fastsyncBin } from './fastsync.js';
import { type SshdOptions, startSshd } from './sshd.js';

/** The words of `fastsync init` from a source here to targets, which `far` makes those of the other host. */
export async function otherHost(t: ExecutionContext, options: SshdOptions = {}) {
  const sshd = await startSshd(t, options);
  const far = (file: string) => `${sshd.host}:${file}`;
  const initWords = (source: string, targets: readonly string[], state: readonly string[]) => [
    ...['init', '--src', source],
    ...targets.flatMap((target) => ['--dst', target]),
    ...[...state, ...sshd.words],
  ];
  return { sshd, far, initWords };
}

const markName = 'FASTSYNC_TEST_FAR';

/** An agent that can be told from others, and gives its driver up soon. */
export async function markedAgent(directory: string): Promise<readonly string[]> {
  const script = path.join(directory, 'far-fastsync');
  const run = `exec env ${markName}='${directory}' '${process.execPath}' '${fastsyncBin}' "$@" --peer-timeout 5s`;
  await writeFile(script, `#!/bin/sh\n${run}\n`, { mode: 0o755 });
  return ['--remote-command', script];
}

interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

async function runningProcesses(): Promise<RunningProcess[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = names.map(async (name) => {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [, command = '', state = 'X', parent = '0'] = /\((.*)\) (\S) (\d+)/s.exec(stat) ?? [];
    return { pid: Number(name), parent: Number(parent), command, hasEnded: /[ZX]/.test(state) };
  });
  return (await Promise.all(found)).filter(({ hasEnded }) => !hasEnded);
}

/** The agents that run as markedAgent() had it. */
export async function agentsOf(directory: string): Promise<number[]> {
  const agents: number[] = [];
  for (const { pid } of await runningProcesses()) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.split('\0').includes(`${markName}=${directory}`)) agents.push(pid);
  }
  return agents;
}

/** A run's own processes, and the ssh that it has started. */
export async function processesOf(run: number): Promise<{ own: number[]; ssh: number[] }> {
  const all = await runningProcesses();
  const below = (pid: number): RunningProcess[] =>
    all
      .filter(({ parent }) => parent === pid)
      .flatMap((child) => (child.command === 'ssh' ? [child] : [child, ...below(child.pid)]));
  const found = below(run);
  const pidsOf = (processes: readonly RunningProcess[]) => processes.map(({ pid }) => pid);
  return {
    own: [run, ...pidsOf(found.filter(({ command }) => command !== 'ssh'))],
    ssh: pidsOf(found.filter(({ command }) => command === 'ssh')),
  };
}
