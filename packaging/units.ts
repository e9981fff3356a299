/** Writes the units of the nightly check as a package carries them: node units.js DIRECTORY. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { defaultConfigPath } from '../src/config/index.js';
import { unitFiles } from '../src/schedule/index.js';

const [, , directory] = process.argv;
if (directory === undefined) throw new Error('Expected the directory that the units go to');
const files = unitFiles(
  {
    command: ['/usr/bin/fastverify', '--config', defaultConfigPath, '--all'],
    configPath: defaultConfigPath,
    calendar: '*-*-* 02:30',
    randomDelaySeconds: 1800,
    idle: true,
  },
  directory,
);
for (const { path: file, text } of files) {
  const [, ...body] = text.split('\n');
  // "fastsync cron install" does not take these for its own.
  const preamble = '# The nightly check of all pairs. To change settings: systemctl edit';
  await writeFile(path.join(directory, path.basename(file)), [preamble, ...body].join('\n'));
}
