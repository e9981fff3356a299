/** Completion in the shells themselves: typed at a terminal, tab and all. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { programOutlines } from '../../src/cli/fastsync.js';
import { eachCommand } from '../../src/cli/outline.js';
import { valueKind } from '../../src/cli/value-kinds.js';
import { fastsync } from '../support/fastsync.js';
import { helpOf } from '../support/help.js';
import { scratchDirectory } from '../support/scratch.js';
import { typedShell } from '../support/shell.js';

const setups = {
  bash: 'source /usr/share/bash-completion/bash_completion; source <(fastsync completion bash)',
  zsh: 'autoload -U compinit; compinit -u -D; source <(fastsync completion zsh)',
} as const;

/** What is typed, and the words that the program gets. */
const typed: readonly (readonly [line: string, words: string])[] = [
  ['fastsync ini\t', 'init'],
  ['fastsync config ch\t', 'config check'],
  ['fastsync init --sr\tx', 'init --src x'],
  ['fastsync init --free sk\t', 'init --free skip'],
  ['fastsync init --free=di\t', 'init --free discard'],
  ['fastsync init --src a --no-res\t', 'init --src a --no-resume'],
  ['fastsync init --src dis\t --dst co\t', 'init --src disk.img --dst copy.img'],
  ['fastsync init --src=dis\t', 'init --src disk.img'],
  ['fastsync init --src pci-0000:0\t', 'init --src pci-0000:00:1f'],
  ['fastsync init --src=pci-0000:0\t', 'init --src pci-0000:00:1f'],
  ['fastsync map my\t', 'map my image.img'],
  ['fastsync map disk.img --format ddr\t', 'map disk.img --format ddrescue'],
  ['fastverify --src a --state-dir st\t', '--src a --state-dir stated'],
  ['fastverify --rep\t', '--repair'],
  ['fastsync report --config pairs.yaml ma\t', 'report --config pairs.yaml mail-store'],
  ['fastverify --config pairs.yaml web ma\t', '--config pairs.yaml web mail-store'],
  ['fastsync completion zs\t typed', 'completion zsh typed'],
];

for (const shell of ['bash', 'zsh'] as const) {
  test.serial(`${shell} completes commands, options, choices, files and pairs`, async (t) => {
    const { directory, type } = await typedShell(t, shell, setups[shell]);
    for (const name of ['disk.img', 'copy.img', 'pci-0000:00:1f', 'my image.img', 'statef']) {
      await writeFile(path.join(directory, name), '');
    }
    await mkdir(path.join(directory, 'stated'));
    const pairs =
      'pairs:\n  mail-store: { src: /dev/a, dst: /dev/b }\n  web: { src: /c, dst: /d }\n';
    await writeFile(path.join(directory, 'pairs.yaml'), pairs);
    for (const [line, words] of typed) {
      const got = await type(line);
      // "--src=x" and "--src x" are the same, so is a slash at the end: each shell has its habit.
      t.is(
        got.map((word) => word.replace(/^(--[^=]+)=/, '$1 ').replace(/\/$/, '')).join(' '),
        words,
        line,
      );
    }
  });
}

test('bash offers every option that the help has, and no other', async (t) => {
  const file = path.join(await scratchDirectory(t), 'completion.bash');
  await writeFile(file, String((await fastsync(['completion', 'bash'])).stdout));
  const ask = `source "$1"; COMP_LINE="$2 -" COMP_POINT=$((\${#2} + 2)); _fastsync_complete "\${2%% *}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  for await (const { command, options } of helpOf()) {
    const { stdout } = await execa('bash', ['-c', ask, 'bash', file, command]);
    const offered = stdout.split('\n').filter((word) => word.startsWith('--'));
    const plain = offered.map((word) => word.replace(/^--(no-)?/, ''));
    t.deepEqual(plain.sort(), [...options].sort(), command);
  }
});

test('every value that an option takes is of a kind that completion knows', (t) => {
  const unknown = programOutlines().flatMap(({ outline }) =>
    [...eachCommand(outline)].flatMap(({ options, positionals }) =>
      [...options.filter(({ takesValue }) => takesValue), ...positionals]
        .filter(({ name, choices }) => choices.length === 0 && valueKind(name) === null)
        .map(({ name }) => name),
    ),
  );
  t.deepEqual(unknown, [], 'enter them in src/cli/value-kinds.ts');
});
