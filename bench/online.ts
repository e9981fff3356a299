/** What online work costs those who write to the source meanwhile: the tracker, the seed, the freezes. */

import { freezes } from './freezes.js';
import { onlinePlace } from './online-place.js';
import { slowdown } from './slowdown.js';
import type { ContestOptions } from './source.js';
import { trackerOverhead } from './tracker-overhead.js';

/** All tables, on one mounted volume. */
export async function onlineContest(options: ContestOptions): Promise<string> {
  if (options.fs === 'ntfs') return 'NTFS is no file system that can be frozen.\n';
  return onlinePlace(options, async (place) => {
    const tables: string[] = [];
    for (const part of [trackerOverhead, freezes, slowdown]) tables.push(await part(place));
    return tables.join('\n');
  });
}
