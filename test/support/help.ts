/** What --help says there is: the commands of both programs, and the options of each. */

import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export interface Help {
  /** As typed: "fastsync config check". */
  readonly command: string;
  /** Without dashes: "state-dir". What is on by default stands there as itself: "resume". */
  readonly options: readonly string[];
  /** As the help ends. */
  readonly exitCodeTable: readonly (readonly [code: number, meaning: string])[];
}

/** Every command, found by asking each for its help; options by what stands before their description. */
export async function* helpOf(
  programs: readonly string[] = ['fastsync', 'fastverify'],
): AsyncGenerator<Help> {
  for (const command of programs) {
    const [program = '', ...words] = command.split(' ');
    const bin = fileURLToPath(new URL(`../../program/${program}.mjs`, import.meta.url));
    const { stdout } = await execa(process.execPath, [bin, ...words, '--help']);
    const [tables = ''] = stdout.split(/\n(?:Examples|Exit codes):/);
    const heads = [...tables.matchAll(/^ {1,6}(?:-\w, +)?--([a-z][a-z-]*)/gm)];
    const [, codes = ''] = /\nExit codes:\n((?: +.*\n?)+)$/.exec(stdout) ?? [];
    const exitCodeTable = [...codes.matchAll(/^ {2}(\d) {2}(.*)$/gm)].map(
      ([, code, meaning = '']) => [Number(code), meaning] as const,
    );
    yield { command, options: heads.map(([, name = '']) => name), exitCodeTable };
    const [, commands = ''] = /\nCommands:\n((?: +.*\n)*)/.exec(stdout) ?? [];
    const below = commands.matchAll(new RegExp(`^ {2}(${command} [a-z]+)`, 'gm'));
    yield* helpOf([...below].map(([, name = '']) => name));
  }
}
