/** The words of a command line as they were typed, held against what the command declares. */

import type { CommandOutline, OptionOutline } from './outline.js';
import { valueKind } from './value-kinds.js';
import { parseDuration, parseSize, usage } from './values.js';

/** The command that the words name: "track start"; the program itself where they name none. */
export function commandNamed(program: CommandOutline, names: readonly string[]): CommandOutline {
  const [name = '', ...rest] = names;
  const below = program.commands.find((command) => command.name.split(' ').at(-1) === name);
  return below === undefined ? program : commandNamed(below, rest);
}

/** Whether the words ask for JSON lines: to be known also where they are wrong otherwise. */
export function asksForJson(words: readonly string[]): boolean {
  return optionWords(words).some(({ word }) => word === '--json' || word === '--json=true');
}

/**
 * What the parser lets through and nobody means: an option without its value takes the default, one
 * given twice is a list, a switch set to anything but true is off. Throws a usage error that names it.
 */
export function checkWords(words: readonly string[], command: CommandOutline): void {
  const seen = new Set<OptionOutline>();
  for (const { word, next } of optionWords(words)) {
    const { typed, value } = partsOf(word);
    if (!word.startsWith('--')) {
      if (value !== null) throw usage(`${typed} takes no value, got "${value}"`);
      continue;
    }
    const { option, isNegated } = optionNamed(typed, command);
    if (option.takesValue) {
      if (isNegated || (value ?? next ?? '') === '') throw usage(`--${option.name} needs a value`);
    } else if (value !== null && value !== 'true' && value !== 'false') {
      throw usage(`${typed} takes no value, got "${value}"`);
    }
    if (seen.has(option) && !option.isList) {
      throw usage(`--${option.name} was given more than once`);
    }
    seen.add(option);
  }
  if (!words.includes('')) return;
  const [first] = command.positionals;
  throw usage(
    first === undefined ? 'an empty argument ("") is not allowed' : `${first.name} needs a value`,
  );
}

/** Sizes and times, before anything is loaded that would take them. Throws a usage error that names the option. */
export function checkValues(
  args: Readonly<Record<string, unknown>>,
  { options }: CommandOutline,
): void {
  for (const { name, defaultValue } of options) {
    const value = args[name];
    if (typeof value !== 'string' || value === defaultValue) continue;
    const kind = valueKind(name);
    // For some it means never; those that need a time say so.
    if (kind === 'time' && value !== '0') parseDuration(name, value);
    if (kind === 'size') parseSize(name, value);
  }
}

/** Every word that names an option, and the word behind it where that can be its value. */
function optionWords(words: readonly string[]) {
  const end = words.indexOf('--');
  const before = end === -1 ? words : words.slice(0, end);
  return before
    .map((word, index) => ({ word, next: valueAt(before, index + 1) }))
    .filter(({ word }) => isOption(word));
}

function valueAt(words: readonly string[], index: number): string | null {
  const word = words[index];
  return word === undefined || isOption(word) ? null : word;
}

/** A dash alone and a negative number are values. */
function isOption(word: string): boolean {
  return /^-[^\d.]/.test(word);
}

function partsOf(word: string): { readonly typed: string; readonly value: string | null } {
  const at = word.indexOf('=');
  return at === -1
    ? { typed: word, value: null }
    : { typed: word.slice(0, at), value: word.slice(at + 1) };
}

function optionNamed(typed: string, { options }: CommandOutline) {
  // The parser takes --stateDir for --state-dir.
  const name = typed.slice(2).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const find = (wanted: string) => options.find((option) => option.name === wanted);
  const option = find(name);
  if (option !== undefined) return { option, isNegated: false };
  const negated = name.startsWith('no-') ? find(name.slice(3)) : undefined;
  if (negated === undefined) throw usage(`Unknown option: ${typed}`);
  return { option: negated, isNegated: true };
}
