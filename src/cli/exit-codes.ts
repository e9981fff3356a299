/** What the exit codes mean, and which of them a command can end with: for help, manual pages and docs. */

import { type ExitCode, exitCodes } from '../errors.js';

type Name = keyof typeof exitCodes;

export const exitCodeMeanings: Readonly<Record<Name, string>> = {
  done: 'done, or equal',
  different: 'the volumes differ',
  usage: 'usage error, or the command could not start',
  incomplete: 'incomplete or not proven: unreadable ranges, a failed target',
  refused: 'refused for safety; nothing was written',
  interrupted: 'interrupted; run the same command again to resume',
  remote: 'the other host failed',
  locked: 'another run holds the lock',
};

/** Any command may be wrong in its words, lose its output, or be interrupted. */
const everywhere: readonly Name[] = ['done', 'usage', 'incomplete', 'interrupted'];

/** What each command adds to these, by its name as it is typed behind the program's. */
const besides: Readonly<Record<string, readonly Name[]>> = {
  map: ['refused'],
  init: ['refused', 'remote', 'locked'],
  'track start': ['refused'],
  'track drain': ['locked'],
  'track stop': [],
  'track list': [],
  live: ['refused', 'locked'],
  status: [],
  'config check': [],
  report: [],
  'cron install': ['refused'],
  agent: ['refused', 'remote'],
  completion: [],
};

export const commandsWithExitCodes: ReadonlySet<string> = new Set(Object.keys(besides));

/** Of a command, or of all below it: "track". In ascending order. */
export function exitCodesOf(command: string): readonly ExitCode[] {
  const own = Object.entries(besides)
    .filter(([name]) => name === command || name.startsWith(`${command} `))
    .flatMap(([, names]) => names);
  return codesOf([...everywhere, ...own]);
}

/** As the help of a command ends. */
export function exitCodeHelp(command: string): string {
  return helpFor(exitCodesOf(command));
}

/** As the help of a program ends. */
export const everyExitCodeHelp = helpFor(Object.values(exitCodes));

function codesOf(names: readonly Name[]): ExitCode[] {
  return [...new Set(names.map((name) => exitCodes[name]))].sort((a, b) => a - b);
}

function helpFor(codes: readonly ExitCode[]): string {
  const lines = Object.entries(exitCodeMeanings)
    .map(([name, meaning]) => ({ code: exitCodes[name as Name], meaning }))
    .filter(({ code }) => codes.includes(code))
    .map(({ code, meaning }) => `  ${code}  ${meaning}`);
  return ['Exit codes:', ...lines].join('\n');
}
