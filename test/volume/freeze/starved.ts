/**
 * A process that freezes the file system mounted at a directory with no free file descriptor, then with
 * one, and so on, until it works. Prints how each ended; first, what became of freezing its device.
 */

import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { freeze, identifyVolume } from '../../../src/volume/index.js';
import { freezeFailure } from '../../../src/volume/freeze/errors.js';
import { Freezer } from '../../../src/volume/freeze/freezer.js';

const [device = '', mountPoint = ''] = process.argv.slice(2);
const volume = await identifyVolume(device);
await using directory = await open(mountPoint);
const mostFree = 40;

/** Takes every descriptor but so many while it acts. */
async function starving<T>(free: number, act: () => Promise<T>): Promise<T> {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    for (const fd of taken.splice(taken.length - free)) closeSync(fd);
  }
  try {
    return await act();
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}

/** Null: it was frozen. */
async function watchdogFailure(): Promise<unknown> {
  const freezer = new Freezer(directory.fd, 60_000);
  const frozen = await freezer.frozen;
  freezer.stop();
  const ending = await freezer.ending;
  await freezer.gone;
  return frozen === null ? freezeFailure(device, ending, 60_000) : null;
}

function tell(error: unknown): void {
  const { name, code, message } = error as NodeJS.ErrnoException;
  process.stdout.write(`${JSON.stringify({ name, code, message })}\n`);
}

tell(
  await starving(0, () => freeze({ volume, mustNotFreeze: [] }).catch((error: unknown) => error)),
);
for (let free = 0; free < mostFree; free++) {
  const error = await starving(free, () => watchdogFailure().catch((thrown: unknown) => thrown));
  if (error === null) break;
  tell(error);
}
