/** The parts of a manual page that come from the declarations of the command line. */

import { exitCodes } from '../../errors.js';
import { exitCodeMeanings, exitCodesOf } from '../exit-codes.js';
import { type CommandOutline, eachCommand, type OptionOutline, optionWord } from '../outline.js';
import { valueKind } from '../value-kinds.js';
import { mdocLiteral, mdocSentence, mdocText, mdocWord } from './mdoc.js';

/** In the head of each page instead: they are the same everywhere. */
const everywhere: ReadonlySet<string> = new Set(['help', 'version']);

/** Every command that does something, with its options. */
export function commandSections(program: string, outline: CommandOutline): string {
  return [...eachCommand(outline)]
    .filter(({ name, commands }) => name !== '' && commands.length === 0)
    .map((command) => {
      const words = command.positionals.map(({ name }) => ` Ar ${mdocWord(name)}`).join('');
      return [
        `.Ss ${program} ${command.name}`,
        `.Nm ${program}`,
        `.Cm ${command.name}${words}`,
        ...command.options.filter(({ isRequired }) => isRequired).map((one) => `.${headOf(one)}`),
        '.Op Ar options',
        '.Pp',
        mdocSentence(command.describe),
        optionLists(command),
        '.Pp',
        `Exit codes: ${exitCodesOf(command.name).join(', ')}.`,
      ].join('\n');
    })
    .join('\n');
}

/** The options of one command, group by group, as the help has them. */
export function optionLists({ options, positionals }: CommandOutline): string {
  const own = options.filter(({ name }) => !everywhere.has(name));
  const lists: string[] = [];
  if (positionals.length > 0) {
    const items = positionals.map(({ name, choices, describe }) =>
      [`.It Ar ${mdocWord(name)}`, mdocSentence(describe), ...choiceLines(choices)].join('\n'),
    );
    lists.push(list(items));
  }
  for (const group of new Set(own.map((option) => option.group))) {
    const items = own.filter((option) => option.group === group).map(optionItem);
    lists.push(`.Pp\n.Sy ${mdocWord(group.replace(/:$/, ''))}\n${list(items)}`);
  }
  return lists.join('\n');
}

function list(items: readonly string[]): string {
  return `.Bl -tag -width Ds\n${items.join('\n')}\n.El`;
}

function optionItem(option: OptionOutline): string {
  const { short, describe, defaultValue, takesValue, isList } = option;
  const names = short === null ? '' : `Fl ${mdocWord(short.slice(1))} , `;
  // Where yargs cannot know the default, the description ends with it.
  const [, text = '', told] = /^(.*?)(?: \[default: (.*)\])?$/.exec(describe) ?? [];
  const usual = told ?? (takesValue ? defaultValue : null);
  return [
    `.It ${names}${headOf(option)}${isList ? ' ...' : ''}`,
    mdocSentence(sentenceCase(text.replace(`${optionWord(option)}: `, ''))),
    ...(usual === null ? [] : [`Default: ${mdocText(usual)}.`]),
  ].join('\n');
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "Fl -free Cm skip | discard". */
function headOf(option: OptionOutline): string {
  const { takesValue, choices, name } = option;
  const word = `Fl ${mdocWord(optionWord(option).slice(1))}`;
  if (!takesValue) return word;
  const values =
    choices.length > 0 ? choiceWords(choices) : `Ar ${mdocWord(valueKind(name) ?? name)}`;
  return `${word} ${values}`;
}

function choiceWords(choices: readonly string[]): string {
  return choices.map((choice) => `Cm ${mdocWord(choice)}`).join(' | ');
}

function choiceLines(choices: readonly string[]): string[] {
  return choices.length === 0
    ? []
    : ['One of', `.${choiceWords(choices).replaceAll(' | ', ' , ')} .`];
}

/** The exit codes, which both programs share. An unknown one is a failure. */
export function exitStatus(): string {
  const items = Object.entries(exitCodeMeanings).map(([name, meaning]) => {
    const code = exitCodes[name as keyof typeof exitCodes];
    return `.It ${code}\n${mdocSentence(sentenceCase(meaning))}`;
  });
  return `.Bl -tag -width Ds\n${items.join('\n')}\n.El\n.Pp\nAny other code is a failure.`;
}

/** Every example of the help. */
export function examples(program: string, outline: CommandOutline): string {
  return [...eachCommand(outline)]
    .flatMap((command) => command.examples)
    .map(([line, text]) => {
      const typed = mdocLiteral(line.replaceAll('$0', program));
      return `${mdocText(text.replace(/\.$/, ''))}:\n.Bd -literal -offset indent\n${typed}\n.Ed`;
    })
    .join('\n.Pp\n');
}
