/** Reads the configuration file. A file with any problem is refused as a whole. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { exitCodes, FastsyncError } from '../errors.js';
import { directoryProblem, placeProblem } from '../own-file.js';
import { reach } from '../reach.js';
import { checkConfig, type CheckedConfig, isProblems, problemAt } from './check.js';
import type { Problem } from './places.js';
import type { Config } from './types.js';

/** The largest configuration that is read. */
const mostBytes = 1024 * 1024;

/** The problems of a configuration. The message has the first one, `problems` has them all. */
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
  const placed = ({ line, column, sentence }: Problem) => `${file}:${line}:${column}: ${sentence}`;
  if (isProblems(checked) || problems.length > 0) throw new ConfigError(file, problems.map(placed));
  return { path: file, ...checked, deprecations: checked.deprecations.map(placed) };
}

/** A path that is written to must be a regular file or not exist, never a disk or a pipe. */
async function placeProblems(text: string, config: CheckedConfig): Promise<readonly Problem[]> {
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
    // O_NONBLOCK: opening a pipe must not wait for a writer.
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
