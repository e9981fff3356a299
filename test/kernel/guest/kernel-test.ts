/**
 * Tests inside a guest: node's own runner, because the one of all other tests takes longer to start
 * in an emulated machine than most of these take to run.
 */

import { release } from 'node:os';
import test from 'node:test';
import type { Owner } from '../../support/scratch.js';

export interface KernelTest extends Owner {
  log(...values: string[]): void;
}

/** Adds a test; one after the other, each cleans up in reverse order. */
export function kernelTest(name: string, run: (t: KernelTest) => Promise<void>): void {
  const patterns = process.argv.slice(2);
  if (patterns.length > 0 && !patterns.some((pattern) => name.includes(pattern))) return;
  void test(name, async (context) => {
    const teardowns: (() => unknown)[] = [];
    try {
      await run({
        teardown: (action) => void teardowns.unshift(action),
        log: (...values) => {
          context.diagnostic(values.join(' '));
        },
      });
    } finally {
      for (const teardown of teardowns) await teardown();
    }
  });
}

export function kernelBefore(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
