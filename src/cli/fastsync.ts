/** The fastsync command line: yargs parses and validates, the commands hand over to sync/. */

import type { Argv } from 'yargs';
import { addAgentCommand } from './agent.js';
import { addCompletionCommand } from './completion.js';
import type { ProgramOutline } from './completion/program-outline.js';
import { addConfigCommand } from './config.js';
import { addCronCommand } from './cron.js';
import { addInitCommand } from './init.js';
import { addLiveCommand } from './live.js';
import { addMapCommand } from './map.js';
import { outlineOf } from './outline.js';
import { program } from './program.js';
import { addReportCommand } from './report.js';
import { addTrackCommand } from './track.js';
import { addStatusCommand } from './status.js';
import { addVerifyCommand } from './verify.js';

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
  const cli = program('fastsync', words, outlineOf(addFastsyncCommands))
    .usage(
      '$0 <command>\n\nCopies volumes by what their file systems really use, and proves the copies.',
    )
    .demandCommand(1, 'Name a command');
  await addFastsyncCommands(cli).parseAsync();
}
