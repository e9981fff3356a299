/** A manual page: prose from man/, and what the command line accepts in place of the lines that name it. */

import type { ProgramOutline } from '../completion/program-outline.js';
import { commandSections, examples, exitStatus, optionLists } from './sections.js';

const parts: Readonly<Record<string, (program: ProgramOutline) => string>> = {
  commands: ({ program, outline }) => commandSections(program, outline),
  options: ({ outline }) => optionLists(outline),
  examples: ({ program, outline }) => examples(program, outline),
  'exit status': exitStatus,
};

/** `prose` with each line of the form `.\" [options]` replaced by that part. */
export function manualPage(prose: string, program: ProgramOutline): string {
  return prose.replaceAll(/^\.\\" \[(.+)\]$/gm, (line, name: string) => {
    const part = parts[name];
    if (part === undefined)
      throw new Error(`Expected one of ${Object.keys(parts).join(', ')}, got ${line}`);
    return part(program);
  });
}
