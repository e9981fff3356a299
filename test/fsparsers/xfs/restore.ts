/** Copies of XFS images made from nothing but what a map calls used. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { scratchDirectory } from '../../support/scratch.js';
import { mebibyte, rangesOf } from './support.js';

/** Copies what the map calls used onto a target full of garbage. */
export async function restore(t: ExecutionContext, image: string, map: UsedMap): Promise<string> {
  const target = path.join(await scratchDirectory(t), 'target.img');
  const script = `head -c ${map.deviceBytes} /dev/zero | tr '\\0' '\\245' > "$1"`;
  await execa('bash', ['-ec', script, 'fill', target]);
  const [from, to] = [await open(image), await open(target, 'r+')];
  try {
    for (const { start, end } of rangesOf(map, ({ reason }) => reason !== 'free')) {
      for (let at = start; at < end; at += 8 * mebibyte) {
        const chunk = Buffer.alloc(Math.min(8 * mebibyte, end - at));
        await from.read(chunk, 0, chunk.length, at);
        await to.write(chunk, 0, chunk.length, at);
      }
    }
  } finally {
    await from.close();
    await to.close();
  }
  return target;
}
