/** A text file's lines with their numbers, from pieces that end anywhere. */

import type { Chunks } from './format.js';
import { invalid } from './invalid.js';

/** No file that is meant for us has longer lines: a comment may quote a whole command line. */
const maxLineLength = 64 * 1024;

/** Rejects with FastsyncError MAP_FILE_INVALID on a line that is too long to be one. */
export async function* numberedLines(
  chunks: Chunks,
  file: string,
): AsyncGenerator<{ readonly line: number; readonly text: string }> {
  let line = 1;
  let rest = '';
  const checked = (text: string) => {
    if (text.length <= maxLineLength) return text;
    throw invalid({ file, line }, 'the line is too long', 'give a text file');
  };
  for await (const chunk of chunks) {
    const texts = (rest + chunk).split('\n');
    rest = texts.pop() ?? '';
    for (const text of texts) {
      yield { line, text: checked(text) };
      line++;
    }
    checked(rest);
  }
  if (rest !== '') yield { line, text: rest };
}
