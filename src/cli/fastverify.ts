/** The fastverify command line: whether a replica is right, in one exit code. */

import { runProgram } from './program.js';
import { addVerifyCommand } from './verify/command.js';

/** Runs the fastverify command with the words behind its name. */
export async function fastverify(words: readonly string[]): Promise<void> {
  const synopsis = '$0 --src A --dst B\n$0 [--config F] --all | PAIR...';
  await runProgram({ name: 'fastverify', synopsis, declare: addVerifyCommand }, words);
}
