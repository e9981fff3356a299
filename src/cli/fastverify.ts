/** The fastverify command line: whether a replica is right, in one exit code. */

import { outlineOf } from './outline.js';
import { program } from './program.js';
import { addVerifyCommand } from './verify.js';

/** Runs the fastverify command with the words behind its name. */
export async function fastverify(words: readonly string[]): Promise<void> {
  const cli = program('fastverify', words, outlineOf(addVerifyCommand)).usage(
    '$0 --src A --dst B\n$0 [--config F] --all | PAIR...',
  );
  await addVerifyCommand(cli).parseAsync();
}
