/** `fastverify --src A --dst B`: compare what is in use, say what differs, repair it if asked. */

import type { Argv } from 'yargs';
import { loaded } from '../loaded.js';
import { verifyOptions } from './options.js';

/** Adds the command to the command line: it is the program's only one. */
export function addVerifyCommand(yargs: Argv): Argv {
  return yargs.command(
    '$0 [pairs..]',
    'Prove that a replica equals its source: compare the used ranges, reading both sides at once',
    (command) =>
      command
        .positional('pairs', {
          type: 'string',
          array: true,
          describe: 'Names of configured pairs',
        })
        .options(verifyOptions)
        .alias('yes', 'y')
        .example('$0 --src /dev/sda2 --dst /dev/sdb2', 'Exit code 0: equal. 1: different')
        .example('$0 --src a --dst b --repair', 'Copy the ranges that differ, and compare again')
        .example(
          '$0 --src /dev/sda2 --dst /dev/sdb2 --online',
          'Verify while the source is mounted',
        )
        .example('$0 --src a --write-manifest F', 'Write digests of the used ranges')
        .example('$0 --src a --manifest F', 'Verify against them, without a replica')
        .example('$0 --src a --dst b --max-time 2h', 'Verify a part each night; show the proof age')
        .example('$0 --all', 'Check every configured pair, for cron'),
    async (args) => (await loaded(() => import('./run.js'))).runVerify(args),
  );
}
