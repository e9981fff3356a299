/** The completion script for zsh: one function for every command, made of what zsh's own _arguments takes. */

import { type CommandOutline, eachCommand, type OptionOutline, optionWord } from '../outline.js';
import { type ValueKind, valueKind } from '../value-kinds.js';
import { pathOf, type ProgramOutline } from './program-outline.js';

/** One script for all programs, to be sourced or to be put into $fpath as _fastsync. */
export function zshCompletion(programs: readonly ProgramOutline[]): string {
  const names = programs.map(({ program }) => program).join(' ');
  const functions = programs.flatMap(({ program, outline }) =>
    [...eachCommand(outline)].map((command) => commandFunction(program, command)),
  );
  return `#compdef ${names}

${functions.join('\n\n')}

_fastsync-pairs() {
  local -a config pairs
  local value=\${opt_args[--config]}
  [[ -n $value ]] && config=(--config \${(Q)value})
  pairs=(\${(f)"$(fastsync completion pairs $config 2>/dev/null)"})
  _describe 'pair' pairs
}

_fastsync-programs() { _\${service}-complete "$@" }

# Loaded by the completion system, it is to complete; sourced, to be made known to it.
if [[ $funcstack[1] == _fastsync ]]; then
  _fastsync-programs "$@"
else
  compdef _fastsync-programs ${names}
fi
`;
}

function functionName(program: string, command: CommandOutline): string {
  return `_${pathOf(program, command).replaceAll(' ', '-')}-complete`;
}

function commandFunction(program: string, command: CommandOutline): string {
  const { options, commands, positionals } = command;
  const specs = options.map(optionSpec);
  for (const { name, choices, isList, describe } of positionals) {
    specs.push(
      `'${isList ? '*' : ''}:${colonless(describe)}:${actionOf(choices, valueKind(name))}'`,
    );
  }
  const name = functionName(program, command);
  const list = specs.map((spec) => `    ${spec}`).join(' \\\n');
  if (commands.length === 0) return `${name}() {\n  _arguments -s \\\n${list}\n}`;
  const last = (one: CommandOutline) => one.name.split(' ').at(-1) ?? '';
  const described = commands.map((one) => `'${last(one)}:${quoted(one.describe)}'`).join(' ');
  const cases = commands.map((one) => `        ${last(one)}) ${functionName(program, one)} ;;`);
  return `${name}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C \\
${list} \\
    '1: :->command' '*:: :->words'
  case $state in
    command)
      local -a commands=(${described})
      _describe 'command' commands
      ;;
    words)
      case $line[1] in
${cases.join('\n')}
      esac
      ;;
  esac
}`;
}

/** "'(-q --quiet)'{-q,--quiet}'[Only warnings]'", "'*--dst=[Where to]:volume:_files'". */
function optionSpec(option: OptionOutline): string {
  const word = optionWord(option);
  const { short, takesValue, isList, choices } = option;
  const action = actionOf(choices, valueKind(option.name));
  const value = takesValue ? `:${valueKind(option.name) ?? option.name}:${action}` : '';
  const about = `[${quoted(option.describe).replaceAll(/[[\]]/g, (mark) => `\\${mark}`)}]${value}`;
  const text = `${word}${takesValue ? '=' : ''}${about}`;
  if (short !== null && !takesValue) {
    return `'(${short} ${word})'{${short},${word}}'${about}'`;
  }
  return `'${isList ? '*' : ''}${text}'`;
}

const actions: Readonly<Record<ValueKind, string>> = {
  volume: '_files',
  file: '_files',
  directory: '_files -/',
  pair: '_fastsync-pairs',
  command: '_command_names -e',
  number: ' ',
  size: ' ',
  time: ' ',
  text: ' ',
};

function actionOf(choices: readonly string[], kind: ValueKind | null): string {
  return choices.length > 0 ? `(${choices.join(' ')})` : actions[kind ?? 'text'];
}

/** Within single quotes. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}

function colonless(text: string): string {
  return quoted(text.replaceAll(':', ','));
}
