/** The fastsync command line: yargs parses and validates, the commands hand over to sync/. */

import type { Argv } from 'yargs';
import { addAgentCommand } from './agent/command.js';
import { addCompletionCommand } from './completion/command.js';
import type { ProgramOutline } from './completion/program-outline.js';
import { addConfigCommand } from './config/command.js';
import { addCronCommand } from './cron/command.js';
import { addInitCommand } from './init/command.js';
import { addLiveCommand } from './live/command.js';
import { addMapCommand } from './map/command.js';
import { outlineOf } from './outline.js';
import { runProgram } from './program.js';
import { addReportCommand } from './report/command.js';
import { addTrackCommand } from './track/command.js';
import { addStatusCommand } from './status/command.js';
import { addVerifyCommand } from './verify/command.js';

/** In the order in which the help lists them. */
const commands: readonly ((yargs: Argv) => Argv)[] = [
  addMapCommand,
  addInitCommand,
  addTrackCommand,
  addLiveCommand,
  addStatusCommand,
  addConfigCommand,
  addReportCommand,
  addCronCommand,
  addAgentCommand,
  (yargs) => addCompletionCommand(yargs, programOutlines),
];

/** Adds every command of fastsync to a command line. */
export function addFastsyncCommands(yargs: Argv): Argv {
  return commands.reduce((line, add) => add(line), yargs);
}

/** Both programs, as they are declared. */
export function programOutlines(): readonly ProgramOutline[] {
  return [
    { program: 'fastsync', outline: outlineOf(addFastsyncCommands) },
    { program: 'fastverify', outline: outlineOf(addVerifyCommand) },
  ];
}

/** Runs the fastsync command with the words behind its name. */
export async function fastsync(words: readonly string[]): Promise<void> {
  const about = 'Copies the used blocks of volumes, and proves that the copies are equal.';
  const synopsis = `$0 <command>\n\n${about}`;
  const declare = (yargs: Argv) => addFastsyncCommands(yargs).demandCommand(1, 'Name a command');
  await runProgram({ name: 'fastsync', synopsis, declare }, words);
}
