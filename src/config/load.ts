/** Reads the configuration file: all of it is right, or nothing runs. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { exitCodes, FastsyncError } from '../errors.js';
import { directoryProblem, placeProblem } from '../own-file.js';
import { reach } from '../reach.js';
import { type Checked, checkConfig, isProblems, problemAt } from './check.js';
import type { Problem } from './places.js';
import type { Config } from './types.js';

/** Nobody writes more by hand; anything larger is another file. */
const mostBytes = 1024 * 1024;

/** What is wrong with a configuration. The message tells the first, `problems` all. */
export class ConfigError extends FastsyncError {
  /** Each "file:line:column: sentence". */
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    const [first = ''] = problems;
    const others = problems.length - 1;
    super({
      code: 'CONFIG_INVALID',
      exitCode: exitCodes.usage,
      message: first,
      ...(others === 0
        ? {}
        : { remedy: `there is more: fastsync config check --config ${file} lists it all` }),
    });
    this.problems = problems;
  }
}

/** Rejects with ConfigError, and with CONFIG_UNREADABLE. */
export async function loadConfig(file: string): Promise<Config> {
  const text = await readText(file);
  const checked = checkConfig(text);
  const problems = isProblems(checked) ? checked : await placeProblems(text, checked);
  if (!isProblems(checked) && problems.length === 0) return { path: file, ...checked };
  throw new ConfigError(
    file,
    problems.map(({ line, column, sentence }) => `${file}:${line}:${column}: ${sentence}`),
  );
}

/** What is written must not go into a disk or a pipe: files are files, or places for new ones. */
async function placeProblems(
  text: string,
  config: Exclude<Checked, readonly Problem[]>,
): Promise<readonly Problem[]> {
  const looks = [
    ['stateDir', directoryProblem],
    ['log', placeProblem],
    ['metrics', placeProblem],
  ] as const;
  const problems: Problem[] = [];
  for (const [key, look] of looks) {
    const place = config[key];
    const why = place === null ? null : await look(place);
    if (why !== null) problems.push(problemAt(text, key, `${place ?? ''} ${why}`));
  }
  return problems;
}

async function readText(file: string): Promise<string> {
  await reach(file);
  try {
    // Not waiting for whoever may write into a pipe of that name.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (!found.isFile()) throw new Error('it is not a file');
    if (found.size > mostBytes) throw new Error(`it has ${found.size} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it does not exist' : message;
    throw new FastsyncError({
      code: 'CONFIG_UNREADABLE',
      exitCode: exitCodes.usage,
      message: `cannot read the configuration ${file}: ${why}`,
      remedy: 'name the file with --config, or write it: see fastsync.yaml(5)',
      cause: error,
    });
  }
}
