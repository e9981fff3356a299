/** What `fastsync completion` does. */

import { exitCodes } from '../../errors.js';
import type { CompletionArguments } from './options.js';
import { bashCompletion } from './bash.js';
import type { ProgramOutline } from './program-outline.js';
import { zshCompletion } from './zsh.js';
import { print } from '../print.js';
import { runCommand } from '../run.js';

const scripts = { bash: bashCompletion, zsh: zshCompletion };

export function runCompletion(
  { shell, config }: CompletionArguments,
  programs: () => readonly ProgramOutline[],
): Promise<void> {
  return runCommand('completion', { json: false, quiet: true }, async () => {
    const text = shell === 'pairs' ? await pairNames(config) : scripts[shell](programs());
    await print(process.stdout, [text]);
    return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
  });
}

async function pairNames(config: string): Promise<string> {
  const { loadConfig } = await import('../../config/index.js');
  return (await loadConfig(config)).pairs.map(({ name }) => `${name}\n`).join('');
}
