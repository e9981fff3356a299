/** What a command line accepts, read off its own declarations: manual pages and completion come from it. */

import type { Argv, Options } from 'yargs';

export interface OptionOutline {
  readonly name: string;
  /** "-q", or null. */
  readonly short: string | null;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  /** Null where there is none, or nothing worth naming. */
  readonly defaultValue: string | null;
  /** It is on by default: what one gives is --no-NAME. */
  readonly isNegated: boolean;
  readonly isRequired: boolean;
  readonly isList: boolean;
  readonly describe: string;
  readonly group: string;
}

export interface PositionalOutline {
  readonly name: string;
  readonly choices: readonly string[];
  readonly isList: boolean;
  readonly describe: string;
}

export interface CommandOutline {
  /** As typed, without the program: "config check"; empty for the program itself. */
  readonly name: string;
  readonly describe: string;
  readonly options: readonly OptionOutline[];
  readonly positionals: readonly PositionalOutline[];
  readonly examples: readonly (readonly [command: string, text: string])[];
  readonly commands: readonly CommandOutline[];
}

/** Every program and command has these from yargs itself. */
const standard: readonly OptionOutline[] = [
  outlineOption('help', { type: 'boolean', alias: 'h', describe: 'Show help' }),
  outlineOption('version', { type: 'boolean', describe: 'Show version number' }),
];

/** The outline of the program that `declare` adds its options and commands to. */
export function outlineOf(declare: (yargs: Argv) => unknown): CommandOutline {
  return record('', '', declare);
}

/** The command itself and all below it. */
export function* eachCommand(outline: CommandOutline): Generator<CommandOutline> {
  yield outline;
  for (const command of outline.commands) yield* eachCommand(command);
}

function record(name: string, describe: string, declare: (yargs: Argv) => unknown): CommandOutline {
  const options = new Map<string, Options>();
  const positionals: PositionalOutline[] = [];
  const examples: (readonly [string, string])[] = [];
  const commands: CommandOutline[] = [];
  /** A program of one command is that command. */
  const own: CommandOutline[] = [];
  const calls: Readonly<Record<string, (...words: never[]) => void>> = {
    option: (key: string, given: Options) => options.set(key, { ...options.get(key), ...given }),
    options: (given: Readonly<Record<string, Options>>) => {
      for (const [key, one] of Object.entries(given)) calls.option?.(key as never, one as never);
    },
    alias: (key: string, alias: string) => {
      if (options.has(key)) options.set(key, { ...options.get(key), alias });
    },
    positional: (key: string, given: Options) => {
      const choices = (given.choices ?? []).map(String);
      const isList = given.array === true;
      positionals.push({ name: key, choices, isList, describe: given.describe ?? '' });
    },
    example: (command: string, text: string) => examples.push([command, text]),
    command: (words: string, text: string | false, builder: (yargs: Argv) => unknown) => {
      const [word = ''] = words.split(' ');
      if (text === false) return;
      if (word === '$0') own.push(record(name, text, builder));
      else commands.push(record(name === '' ? word : `${name} ${word}`, text, builder));
    },
  };
  const recorder: Argv = new Proxy({} as Argv, {
    get:
      (_, method) =>
      (...words: never[]) => {
        calls[String(method)]?.(...words);
        return recorder;
      },
  });
  declare(recorder);
  if (own[0] !== undefined) return own[0];
  const declared = [...options].map(([key, given]) => outlineOption(key, given));
  return { name, describe, options: [...declared, ...standard], positionals, examples, commands };
}

function outlineOption(name: string, given: Options): OptionOutline {
  const { type, choices = [], alias, group } = given;
  const usual: unknown = given.default;
  const short = [alias ?? []].flat().find((word) => word.length === 1);
  const isNamed = typeof usual === 'string' || typeof usual === 'number';
  return {
    name,
    short: short === undefined ? null : `-${short}`,
    takesValue: type !== 'boolean',
    choices: choices.map(String),
    defaultValue: isNamed ? String(usual) : null,
    isNegated: usual === true,
    isRequired: given.demandOption === true,
    isList: given.array === true,
    describe: given.describe ?? '',
    group: group ?? 'Options:',
  };
}

/** How it is typed: "--no-resume". */
export function optionWord({ name, isNegated }: OptionOutline): string {
  return isNegated ? `--no-${name}` : `--${name}`;
}
