/** `fastsync cron install`: units that systemd reads as they were meant, and nobody else's overwritten. */

import { mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { crontabLine, type Schedule } from '../../src/schedule/index.js';
import { fastsync } from '../support/fastsync.js';
import { scratchDirectory } from '../support/scratch.js';
import { execStartOf } from '../support/systemd.js';

/** A configuration in a directory whose name is as unkind as a file system allows. */
async function scene(t: ExecutionContext) {
  const scratch = await scratchDirectory(t);
  const directory = path.join(scratch, String.raw`it's 50%n of "$HOME"; \n ${'$'}{x} ü`);
  await mkdir(directory);
  const config = path.join(directory, 'fastsync.yaml');
  await writeFile(config, 'pairs: { a: { src: /dev/a, dst: /dev/b } }\n');
  const units = path.join(scratch, 'units');
  await mkdir(units);
  return { config, units, words: ['cron', 'install', '--config', config, '--unit-dir', units] };
}

test('what is written passes systemd, and says exactly what was asked for', async (t) => {
  const { config, units, words } = await scene(t);
  const asked = ['--calendar', 'Sun *-*-* 04:15', '--random-delay', '1.5h', '--idle'];
  const { exitCode, stdout, stderr } = await fastsync([...words, '--write', ...asked]);
  t.is(exitCode, 0, String(stderr));
  t.regex(String(stdout), /systemctl daemon-reload/);
  t.regex(String(stdout), /systemctl enable --now fastverify\.timer/);
  for (const name of ['fastverify.service', 'fastverify.timer']) {
    const verified = await execa('systemd-analyze', ['verify', '--man=no', path.join(units, name)]);
    t.is(verified.stderr, '', name);
  }
  const [program, script, ...rest] = await execStartOf(path.join(units, 'fastverify.service'));
  t.is(await realpath(program), await realpath(process.execPath));
  t.regex(script ?? '', /^\/.*\/dist\/program\/fastverify\.mjs$/);
  t.deepEqual(rest, ['--config', config, '--all']);
  t.regex(
    await readFile(path.join(units, 'fastverify.service'), 'utf8'),
    /^IOSchedulingClass=idle$/m,
  );
  const timer = await readFile(path.join(units, 'fastverify.timer'), 'utf8');
  t.regex(timer, /^RandomizedDelaySec=5400s$/m);
  const calendar = /^OnCalendar=(.*)$/m.exec(timer)?.[1] ?? '';
  const { stdout: next } = await execa('systemd-analyze', ['calendar', calendar]);
  t.regex(next, /Normalized form: Sun \*-\*-\* 04:15:00/);
});

test('--dry-run prints all of it and writes nothing', async (t) => {
  const { units, words } = await scene(t);
  const { exitCode, stdout } = await fastsync([...words, '--dry-run', '--random-delay', '30m']);
  t.is(exitCode, 0);
  t.regex(String(stdout), /^ExecStart=\//m);
  t.regex(String(stdout), /^OnCalendar=\*-\*-\* 02:30$/m);
  t.regex(String(stdout), /^30 2 \* \* \* sleep \$\(shuf -n 1 -i 0-1800\); \//m);
  t.is((await execa('ls', ['-A', units])).stdout, '');
});

test("ours is written anew, another's only with --yes", async (t) => {
  const { units, words } = await scene(t);
  const write = [...words, '--write'];
  t.is((await fastsync(write)).exitCode, 0);
  t.is((await fastsync([...write, '--calendar', 'daily'])).exitCode, 0);
  const timer = path.join(units, 'fastverify.timer');
  const service = path.join(units, 'fastverify.service');
  t.regex(await readFile(timer, 'utf8'), /^OnCalendar=daily$/m);
  const before = await readFile(service, 'utf8');
  for (const make of [
    () => writeFile(timer, '[Timer]\nOnCalendar=yearly\n'),
    // A unit that was masked: somebody does not want it.
    () => execa('rm', [timer]).then(() => symlink('/dev/null', timer)),
  ]) {
    await make();
    const { exitCode, stderr } = await fastsync([...write, '--idle']);
    t.is(exitCode, 4);
    t.regex(String(stderr), /^error: [^\n]*fastverify\.timer exists[^\n]*--yes[^\n]*$/);
    t.is(await readFile(service, 'utf8'), before, 'neither of the two was written');
    t.is((await fastsync([...write, '--yes'])).exitCode, 0);
    t.regex(await readFile(timer, 'utf8'), /^OnCalendar=\*-\*-\* 02:30$/m);
  }
});

test('what cannot be meant is one sentence, exit code 2', async (t) => {
  const { config, words } = await scene(t);
  const cases: readonly (readonly string[])[] = [
    words,
    [...words, '--write', '--dry-run'],
    [...words, '--write', '--calendar', 'somewhen'],
    [...words, '--write', '--calendar', 'daily\nExecStart=/bin/false'],
    [...words, '--write', '--random-delay', 'long'],
    [...words.slice(0, 4), '--write', '--unit-dir', '/nowhere/at/all'],
    ['cron', 'install', '--write', '--config', `${config}.none`],
    ['cron'],
  ];
  for (const [index, words] of cases.entries()) {
    const { exitCode, stdout, stderr } = await fastsync(words);
    t.is(exitCode, 2, `case ${index}: ${String(stderr)}`);
    t.is(stdout, '');
    t.regex(String(stderr), /^error: [^\n]+$/, `case ${index}`);
  }
});

const schedule: Schedule = {
  command: ['/bin/x'],
  configPath: '/f',
  calendar: '',
  randomDelaySeconds: 0,
  idle: false,
};

const times: readonly (readonly [calendar: string, cron: string | null])[] = [
  ['*-*-* 02:30', '30 2 * * *'],
  ['02:30', '30 2 * * *'],
  ['Mon,Thursday 4:05:00', '5 4 * * 1,4'],
  ['daily', '0 0 * * *'],
  ['weekly', '0 0 * * 1'],
  ['*-*-1 02:30', null],
  ['02:30:15', null],
  ['Mon..Fri 02:30', null],
  ['*-*-* 02:30 Europe/Berlin', null],
];

test('the crontab line says the same time, or none', (t) => {
  for (const [calendar, expected] of times) {
    const line = crontabLine({ ...schedule, calendar });
    t.is(line, expected === null ? null : `${expected} /bin/x`, calendar);
  }
});
