/** Whose a scratch directory is: its name carries the test process, so that what a killed one left behind is known. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Set in the environment of every process that a test starts. */
export const ownerVariable = 'FASTSYNC_TEST_OWNER';

/** Pids mean something within one system and namespace only: a guest or a container may see the same files. */
const namespace = createHash('sha256')
  .update(readFileSync('/proc/sys/kernel/random/boot_id'))
  .update(readlinkSync('/proc/self/ns/pid'))
  .digest('hex')
  .slice(0, 8);

/** The moment at which a process began, which a later process with its pid does not share; null: it has ended. */
function beginningOf(pid: number | string): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const isEnded = fields[0] === 'Z' || fields[0] === 'X';
    return isEnded ? null : Number(fields[19]).toString(36);
  } catch {
    return null;
  }
}

/** Of another system or namespace nothing is known: whatever was there counts as running. */
function isRunning(owner: string): boolean {
  const [place, pid = '', beginning] = owner.split('-');
  return place !== namespace || beginningOf(pid) === beginning;
}

const form = /^[0-9a-z]+-[0-9]+-[0-9a-z]+$/;

function currentOwner(): string {
  const inherited = process.env[ownerVariable];
  if (inherited !== undefined && form.test(inherited) && isRunning(inherited)) return inherited;
  return `${namespace}-${process.pid}-${String(beginningOf(process.pid))}`;
}

/** This test process, or the one that started it. */
export const owner = currentOwner();
process.env[ownerVariable] = owner;

/** What the names of its directories begin with. */
export const ownPrefix = `fastsync-test-${owner}-`;

const pattern = /^fastsync-test-([0-9a-z]+-[0-9]+-[0-9a-z]+)-/;

export interface LeftBehind {
  readonly owner: string;
  readonly path: string;
}

/** What lies in these directories and belongs to test processes that have ended. */
export function leftBehind(
  places: readonly string[] = [tmpdir(), '/dev/shm'],
): readonly LeftBehind[] {
  return places.flatMap((place) =>
    readdirSync(place).flatMap((name) => {
      const found = pattern.exec(name)?.[1];
      return found === undefined || isRunning(found)
        ? []
        : [{ owner: found, path: path.join(place, name) }];
    }),
  );
}
