/** Runs the guest's tests under each kernel, the guests side by side: `main.js [LINE...] [PATTERN...]`. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecaError } from 'execa';
import { runGuest } from './guest.js';
import { guestDisks } from './guest/disks.js';
import { fetchKernels, type Kernel, lines } from './kernels.js';
import { resultsIn, secondsOf } from './results.js';

/** A quiet machine needs a tenth of it; a busy one is no failure. */
const limitMs = 20 * 60_000;
const tests = fileURLToPath(new URL('./guest/main.js', import.meta.url));
const consoleLines = 60;

interface Count {
  readonly passed: number;
  readonly failed: number;
}

const words = process.argv.slice(2);
const isLine = (word: string) => /^\d+\.\d+$/.test(word);
const wanted = words.some(isLine) ? words.filter(isLine) : lines;
const patterns = words.filter((word) => !isLine(word));

const count = await runAll();
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;

async function runAll(): Promise<Count> {
  let kernels: Kernel[];
  try {
    kernels = await fetchKernels(wanted);
  } catch (error) {
    console.log(`not ok - the kernels cannot be had: ${messageOf(error)}`);
    return { passed: 0, failed: 1 };
  }
  // A guest keeps one processor of ours busy.
  const counts = await Promise.all(
    kernels.map((kernel) =>
      runUnder(kernel).catch((error: unknown) => {
        console.log(`not ok - ${kernel.line}: no guest: ${messageOf(error)}`);
        return { passed: 0, failed: 1 };
      }),
    ),
  );
  return {
    passed: sum(counts.map(({ passed }) => passed)),
    failed: sum(counts.map(({ failed }) => failed)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function runUnder(kernel: Kernel): Promise<Count> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'fastsync-kernel-'));
  try {
    const started = performance.now();
    const report = ['--test-reporter=tap', '--test-reporter-destination=/share/tap'];
    const script = [process.execPath, ...report, tests, ...patterns].map(quoted).join(' ');
    const guest = await runGuest({ kernel, scratch, script, disks: guestDisks, limitMs });
    const tap = await readFile(path.join(guest.share, 'tap'), 'utf8').catch(() => '');
    const results = resultsIn(tap);
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(`Linux ${kernel.version}, ${seconds} s`);
    for (const result of results) {
      const { name, passed, details } = result;
      console.log(`${passed ? 'ok' : 'not ok'} - ${name} (${secondsOf(result).toFixed(1)} s)`);
      if (!passed) console.log(details);
    }
    const passed = results.filter((result) => result.passed).length;
    const failed = results.length - passed;
    const isWhole = /^1\.\.\d+$/m.test(tap) && guest.exitCode === 0;
    if (isWhole || (failed > 0 && guest.exitCode !== null)) return { passed, failed };
    console.log(`not ok - ${kernel.line}: ${guest.reason ?? 'the tests ended before their end'}`);
    console.log(guest.console.split('\n').slice(-consoleLines).join('\n'));
    return { passed, failed: failed + 1 };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function messageOf(error: unknown): string {
  return error instanceof ExecaError ? error.shortMessage : String(error);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
