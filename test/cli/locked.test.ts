/** A volume that another run writes: exit code 7, and which run that is, whoever asks and by whatever name. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { attachLoop, sparseFile } from '../support/scratch.js';
import { extKind, makePair, mebibyte } from '../support/seeding.js';

test.serial(
  'a target that a run writes is locked, for every command, as a source too',
  async (t) => {
    const { source, target, directory, state } = await makePair(
      t,
      extKind('mkfs.ext4'),
      96 * mebibyte,
    );
    const other = await sparseFile(path.join(directory, 'other.img'), 96 * mebibyte);
    const device = await attachLoop(t, source);
    const alias = await attachLoop(t, target);
    const child = fastsync([
      ...['init', '--src', source, '--dst', target, '--yes', '--allow-busy-target', ...state],
      ...['--bwlimit', '1M', '--checkpoint-interval', '50'],
    ]);
    t.teardown(async () => {
      child.kill('SIGKILL');
      await child;
    });
    await checkpointBeyond(child, directory, 0);
    const elsewhere = ['--state-dir', path.join(directory, 'elsewhere')];
    for (const [what, run] of [
      ['init', fastsyncJson(['init', '--src', source, '--dst', target, ...elsewhere])],
      [
        'init by another name',
        fastsyncJson(['init', '--src', source, '--dst', alias, ...elsewhere]),
      ],
      ['init from it', fastsyncJson(['init', '--src', target, '--dst', other, ...elsewhere])],
      ['live', fastsyncJson(['live', '--src', device, '--dst', target, ...elsewhere])],
      ['repair', fastverifyJson(['--src', source, '--dst', target, '--repair', ...elsewhere])],
      ['verification from it', fastverifyJson(['--src', target, '--dst', other, ...elsewhere])],
    ] as const) {
      const { exitCode, summary } = await run;
      t.is(exitCode, 7, what);
      const { code, message } = summary.error as { code: string; message: string };
      t.is(code, 'LOCKED', what);
      t.regex(message, new RegExp(`process ${child.pid} .*init`), what);
    }
    // A stranger is still one.
    await execa('losetup', ['--detach', alias], { reject: false });
  },
);
