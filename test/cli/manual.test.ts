/** The manual pages: right in form, shipped, and with exactly what the programs accept. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { keysAt } from '../../src/config/schema.js';
import { commandsWithExitCodes, exitCodeMeanings, exitCodesOf } from '../../src/cli/exit-codes.js';
import { programOutlines } from '../../src/cli/fastsync.js';
import { eachCommand } from '../../src/cli/outline.js';
import { exitCodes } from '../../src/errors.js';
import { helpOf } from '../support/help.js';
import { scratchDirectory } from '../support/scratch.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const writer = path.join(root, 'dist/src/cli/manual/write.js');
const pages = ['fastsync.8', 'fastsync.yaml.5', 'fastverify.8'];

/** Writes the pages as the build does. */
async function written(t: ExecutionContext): Promise<string> {
  const directory = await scratchDirectory(t);
  await execa(process.execPath, [writer, directory]);
  return directory;
}

/** A page as man shows it, without bold and underline. */
async function shown(page: string): Promise<string> {
  const { stdout } = await execa('mandoc', ['-T', 'ascii', '-O', 'width=100', page]);
  // Each letter may be printed twice, or over an underscore.
  return stdout.replaceAll(/.\u0008/g, '');
}

test('every page passes mandoc, and man shows it', async (t) => {
  const directory = await written(t);
  t.deepEqual((await readdir(directory)).sort(), pages);
  for (const name of pages) {
    const page = path.join(directory, name);
    const { stdout } = await execa('mandoc', ['-T', 'lint', '-W', 'warning', page], {
      reject: false,
    });
    t.is(stdout, '', name);
    const text = await shown(page);
    t.true(text.startsWith(name.toUpperCase().replace(/\.(\d)$/, '($1)')), name);
    t.notRegex(text, /\\/, `${name}: nothing is escaped twice`);
    t.notRegex(text, /undefined|\[object/);
  }
});

test('the package ships them', async (t) => {
  const { man, files } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    readonly man: readonly string[];
    readonly files: readonly string[];
  };
  t.deepEqual(man.map((file) => path.basename(file)).sort(), pages);
  for (const file of man)
    t.true(
      files.some((entry) => file.startsWith(`./${entry}/`)),
      file,
    );
  t.true(files.includes('completions'));
});

/** The options that a part of a page lists, without dashes. */
function listed(text: string): string[] {
  return [...text.matchAll(/^ {5}(?:-\w, )?--(?:no-)?([a-z][a-z-]*)/gm)].map(
    ([, name = '']) => name,
  );
}

test('fastsync(8) and fastverify(8) have the options of the help, command by command', async (t) => {
  const directory = await written(t);
  const fastsyncPage = await shown(path.join(directory, 'fastsync.8'));
  const fastverifyPage = await shown(path.join(directory, 'fastverify.8'));
  // "   fastsync init" begins the part of a command, "NAME" at the margin a section.
  const parts = fastsyncPage.split(/^(?= {3}fastsync |\S)/m);
  const commands: string[] = [];
  for await (const { command, options } of helpOf()) {
    const own = options.filter((name) => name !== 'help' && name !== 'version').sort();
    const part = parts.find((text) => text.startsWith(`   ${command}\n`));
    if (command !== 'fastverify') commands.push(command);
    const text = command === 'fastverify' ? fastverifyPage : (part ?? '');
    const inPage = command === 'fastverify' ? text.slice(text.indexOf('\nOPTIONS')) : text;
    t.deepEqual(listed(inPage).sort(), own, command);
  }
  const headings = parts.filter((text) => text.startsWith('   fastsync ')).map(headingOf);
  const leaves = commands.filter((one) => !commands.some((other) => other.startsWith(`${one} `)));
  t.deepEqual(headings.sort(), leaves.sort(), 'every command that does something has its part');
});

function headingOf(part: string): string {
  return (part.split('\n')[0] ?? '').trim();
}

test('fastsync.yaml(5) has the keys of the configuration, and no other', async (t) => {
  const page = await readFile(path.join(root, 'man/fastsync.yaml.5'), 'utf8');
  const keysIn = (section: string) => {
    const [text = ''] = page.split(`.Sh ${section}\n`)[1]?.split('\n.Sh ') ?? [];
    return [...text.matchAll(/^\.It Cm (\S+)$/gm)].map(([, key = '']) => key);
  };
  t.deepEqual(keysIn('AT THE TOP').sort(), [...keysAt([])].sort());
  t.deepEqual(keysIn('A PAIR').sort(), [...keysAt(['pairs', 'x'])].sort());
});

test('every exit code stands in both pages', async (t) => {
  const directory = await written(t);
  for (const name of ['fastsync.8', 'fastverify.8']) {
    const [, status = ''] = (await shown(path.join(directory, name))).split('\nEXIT STATUS\n');
    const codes = [...status.matchAll(/^ {5}(\d) {3,}\S/gm)].map(([, code]) => Number(code));
    t.deepEqual(codes, Object.values(exitCodes), name);
  }
});

test('docs/commands.md and every help have the table of exit codes', async (t) => {
  const page = await readFile(path.join(root, 'docs/commands.md'), 'utf8');
  const [, section = ''] = page.split('\n## Exit codes\n');
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| +(\d) \| (.*?) +\|$/gm)];
  const table = new Map(rows.map(([, code, meaning = '']) => [Number(code), meaning]));
  const known = Object.entries(exitCodeMeanings) as [keyof typeof exitCodes, string][];
  t.deepEqual(
    [...table],
    known.map(([name, meaning]) => [exitCodes[name], meaning]),
  );
  for await (const { command, exitCodeTable } of helpOf()) {
    const codes = exitCodeTable.map(([code]) => code);
    const [, ...words] = command.split(' ');
    const whole = words.length === 0 ? Object.values(exitCodes) : exitCodesOf(words.join(' '));
    t.deepEqual(codes, [...whole], command);
    for (const [code, meaning] of exitCodeTable) t.is(table.get(code), meaning, command);
  }
});

test('every command that does something is in the table of exit codes', (t) => {
  for (const { outline } of programOutlines()) {
    for (const { name, commands } of eachCommand(outline)) {
      if (name !== '' && commands.length === 0) t.true(commandsWithExitCodes.has(name), name);
    }
  }
});
