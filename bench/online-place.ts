/** What the online benchmarks work on: a mounted volume, and the file on it that the load writes to. */

import path from 'node:path';
import { layOut } from './fio.js';
import { type ContestOptions, makeSource } from './source.js';
import { gibibyte } from './volumes.js';

export interface OnlinePlace {
  readonly options: ContestOptions;
  readonly device: string;
  /** What the load writes to. */
  readonly file: string;
  /** Where nothing is frozen. */
  readonly scratch: string;
  readonly state: readonly string[];
}

/** Of what is in use, the part that the load writes to. */
const loadShare = 1 / 3;

/** Makes, fills and mounts it for the time of `action`. */
export async function onlinePlace<T>(
  options: ContestOptions,
  action: (place: OnlinePlace) => Promise<T>,
): Promise<T> {
  const { workshop, usedGib } = options;
  const loadGib = usedGib * loadShare;
  const { source } = await makeSource({ ...options, usedGib: usedGib - loadGib });
  const scratch = workshop.directory;
  return workshop.mounted(['mount'], source, async (directory) => {
    const file = path.join(directory, 'load');
    const bytes = Math.floor((loadGib * gibibyte) / 2 ** 20) * 2 ** 20;
    await layOut(file, bytes);
    const state = ['--state-dir', path.join(scratch, 'state')];
    return action({ options, device: source, file, scratch, state });
  });
}
