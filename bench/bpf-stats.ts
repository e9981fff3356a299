/** What the tracker's programs cost by the kernel's own account: how often they ran, and how long. */

import { readFile, writeFile } from 'node:fs/promises';
import { execa } from 'execa';

export interface BpfCost {
  readonly runs: number;
  readonly runNs: number;
}

interface ProgramJson {
  readonly id: number;
  readonly run_cnt?: number;
  readonly run_time_ns?: number;
}

const setting = '/proc/sys/kernel/bpf_stats_enabled';

async function programs(): Promise<ProgramJson[]> {
  const { stdout } = await execa('bpftool', ['--json', 'prog', 'show']);
  return JSON.parse(stdout) as ProgramJson[];
}

/**
 * The cost of whatever programs `start` loads, from its end to that of `action`. Another tracker that is
 * started in the same moment would be counted too.
 */
export async function bpfCost(
  start: () => Promise<unknown>,
  action: () => Promise<unknown>,
): Promise<BpfCost> {
  const others = new Set((await programs()).map(({ id }) => id));
  const before = await readFile(setting, 'utf8');
  await start();
  // The kernel counts from zero for each program, and only while it is told to.
  await writeFile(setting, '1');
  try {
    await action();
    const ours = (await programs()).filter(({ id }) => !others.has(id));
    return {
      runs: ours.reduce((sum, { run_cnt = 0 }) => sum + run_cnt, 0),
      runNs: ours.reduce((sum, { run_time_ns = 0 }) => sum + run_time_ns, 0),
    };
  } finally {
    await writeFile(setting, before);
  }
}
