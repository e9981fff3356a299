/** The completion script for bash: the tables of what may be typed, in front of the functions that use them. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../package-root.js';
import { type CommandOutline, eachCommand, type OptionOutline, optionWord } from '../outline.js';
import { valueKind } from '../value-kinds.js';
import { pathOf, type ProgramOutline } from './program-outline.js';

/** One script for all programs. Names of commands and options are plain words: quotes hold them. */
export function bashCompletion(programs: readonly ProgramOutline[]): string {
  const each = (cases: (program: string, command: CommandOutline) => readonly string[]) =>
    programs
      .flatMap(({ program, outline }) =>
        [...eachCommand(outline)].flatMap((command) => cases(program, command)),
      )
      .join('\n');
  const names = programs.map(({ program }) => program).join(' ');
  const functions = path.join(packageRoot, 'completions/fastsync.bash');
  return `# bash completion for ${names}

_fastsync_words() { # "program command"
  case $1 in
${each(wordsCase)}
    *) return 1 ;;
  esac
}

_fastsync_value() { # "program command" --option
  case "$1 $2" in
${each(valueCases)}
    *) return 1 ;;
  esac
}

${readFileSync(functions, 'utf8')}
complete -F _fastsync_complete ${names}
`;
}

function wordsCase(program: string, command: CommandOutline): string[] {
  const { commands, options, positionals } = command;
  const [positional] = positionals;
  const words = [
    ...commands.map(({ name }) => name.split(' ').at(-1) ?? ''),
    ...(positional?.choices ?? []),
  ];
  const tables = {
    commands: words,
    options: options.flatMap((option) => [optionWord(option), ...wordOf(option.short)]),
    repeatable: [
      ...options.filter(({ isList }) => isList).map(optionWord),
      ...(positional?.isList === true ? ['positional'] : []),
    ],
    positional: positional === undefined ? [] : wordOf(valueKind(positional.name)),
  };
  const settings = Object.entries(tables).map(([name, list]) => `${name}='${list.join(' ')}'`);
  return [`    '${pathOf(program, command)}') ${settings.join(' ')} ;;`];
}

function wordOf(word: string | null): string[] {
  return word === null ? [] : [word];
}

function valueCases(program: string, command: CommandOutline): string[] {
  return command.options
    .filter(({ takesValue }) => takesValue)
    .map((option) => {
      const words = `'${pathOf(program, command)} ${optionWord(option)}'`;
      return `    ${words}) kind='${kindOf(option)}' choices='${option.choices.join(' ')}' ;;`;
    });
}

function kindOf(option: OptionOutline): string {
  return option.choices.length > 0 ? 'choice' : (valueKind(option.name) ?? 'text');
}
