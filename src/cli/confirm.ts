/** Asks the person at the terminal; where there is none, the answer is no. */

import { createInterface } from 'node:readline/promises';
import { visible } from '../report/index.js';
import { type Refusal, type RefusalCode, refusalError } from '../volume/index.js';

/** True only for a typed "yes". */
async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D at the question are a no; readline alone would never settle.
  const gone = new Promise<string>((resolve) => {
    terminal.once('SIGINT', () => {
      resolve('');
    });
    terminal.once('close', () => {
      resolve('');
    });
  });
  try {
    const answer = await Promise.race([terminal.question(`${question} Type "yes": `), gone]);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}

const answerable: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'TARGET_HAS_DATA',
  'NOT_A_REPLICA',
]);

/** The first refusal ends the run, unless it is one that a person at the terminal may answer. */
export async function resolveRefusals(refusals: readonly Refusal[]): Promise<void> {
  const final = refusals.find(({ code }) => !answerable.has(code));
  if (final !== undefined) throw refusalError(final);
  for (const refusal of refusals) {
    if (!(await confirm(`${visible(refusal.message)}. Overwrite it?`))) throw refusalError(refusal);
  }
}
