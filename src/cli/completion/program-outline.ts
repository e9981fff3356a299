/** A program by its name, and what its command line accepts. */

import type { CommandOutline } from '../outline.js';

export interface ProgramOutline {
  readonly program: string;
  readonly outline: CommandOutline;
}

/** How a command is typed: "fastsync config check". */
export function pathOf(program: string, { name }: CommandOutline): string {
  return name === '' ? program : `${program} ${name}`;
}
