/** A program under way that writes JSON lines: what it says, as it says it. */

import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { JsonLine } from './fastsync.js';

export interface LinesOf {
  /** All so far. */
  readonly lines: readonly JsonLine[];
  /** Resolves with the first line for which this holds. Rejects where the output ends without one. */
  line(holds: (line: JsonLine) => boolean): Promise<JsonLine>;
}

export function linesOf(output: Readable): LinesOf {
  const lines: JsonLine[] = [];
  let rest = '';
  output.on('data', (data: Buffer) => {
    const parts = `${rest}${String(data)}`.split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as JsonLine);
  });
  const ended = once(output, 'end');
  return {
    lines,
    async line(holds) {
      for (;;) {
        const found = lines.find(holds);
        if (found !== undefined) return found;
        if (output.readableEnded) throw new Error(`no such line: ${JSON.stringify(lines)}`);
        await Promise.race([once(output, 'data'), ended]);
      }
    },
  };
}
