/** What `fastsync config check` does. */

import { ConfigError } from '../../config/index.js';
import { exitCodes } from '../../errors.js';
import { visible } from '../../report/index.js';
import type { ConfigArguments } from './options.js';
import { configuration } from '../configuration.js';
import { runCommand } from '../run.js';

export function runConfigCheck(args: ConfigArguments): Promise<void> {
  return runCommand('config check', { json: false, quiet: true }, async () => {
    try {
      await configuration(args.config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Bare lines: editors and CI systems jump to them.
      process.stderr.write(error.problems.map((line) => `${visible(line)}\n`).join(''));
      return { outcome: 'failed', exitCode: exitCodes.usage, facts: [], figures: {} };
    }
    return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
  });
}
