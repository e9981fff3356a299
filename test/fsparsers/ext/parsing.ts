/** Parses image files, and compares maps with what others say. */

import { open } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { extParser } from '../../../fsparsers/ext/index.js';
import type { ParserOptions } from '../../../fsparsers/parser.js';
import type { UsedMap } from '../../../fsparsers/usedmap.js';
import { eachExtent } from '../../../src/region/index.js';
import type { ExtentList } from '../../../src/region/index.js';
import { FileByteReader } from '../../../src/volume/index.js';

/** `onRead` sees every read's length. */
export async function parseImage(
  file: string,
  options: ParserOptions = {},
  onRead?: (lengthBytes: number) => void,
): Promise<UsedMap> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const reader = new FileByteReader(handle, file, size);
    const watched = {
      sizeBytes: size,
      read: (offsetBytes: number, lengthBytes: number) => {
        onRead?.(lengthBytes);
        return reader.read(offsetBytes, lengthBytes);
      },
    };
    return await extParser.parse(watched, options);
  } finally {
    await handle.close();
  }
}

/** Fails with a readable list where two extent lists differ. */
export function sameExtents(
  t: ExecutionContext,
  actual: ExtentList,
  expected: ExtentList,
  what: string,
): void {
  t.deepEqual(lines(actual), lines(expected), what);
}

function lines(list: ExtentList): string[] {
  return [...eachExtent(list)].map(({ start, length }) => `${start} + ${length}`);
}
