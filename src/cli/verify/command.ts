/** `fastverify --src A --dst B`: compare what is in use, say what differs, repair it if asked. */

import type { Argv } from 'yargs';
import { loaded } from '../loaded.js';
import { verifyOptions } from './options.js';

/** Adds the command to the command line: it is the program's only one. */
export function addVerifyCommand(yargs: Argv): Argv {
  return yargs.command(
    '$0 [pairs..]',
    'Prove that a replica is right: compare what the source uses, both sides read at once',
    (command) =>
      command
        .positional('pairs', {
          type: 'string',
          array: true,
          describe: 'Pairs of the configuration, by their names',
        })
        .options(verifyOptions)
        .alias('yes', 'y')
        .example('$0 --src /dev/sda2 --dst /dev/sdb2', 'Exit code 0: equal. 1: different')
        .example('$0 --src a --dst b --repair', 'Copy what differs, and compare it again')
        .example('$0 --src /dev/sda2 --dst /dev/sdb2 --online', 'While the source is mounted')
        .example('$0 --src a --write-manifest F', 'Digest what is used, for later')
        .example('$0 --src a --manifest F', 'Verify it without another copy')
        .example('$0 --src a --dst b --max-time 2h', 'A part every night; says how old proofs are')
        .example('$0 --all', 'Every pair of the configuration: for cron'),
    async (args) => (await loaded(() => import('./run.js'))).runVerify(args),
  );
}
