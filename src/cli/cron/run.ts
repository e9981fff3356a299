/** What `fastsync cron install` does. */

import path from 'node:path';
import { execa } from 'execa';
import { exitCodes, FastsyncError } from '../../errors.js';
import { packageRoot } from '../../package-root.js';
import {
  crontabLine,
  installUnits,
  type Schedule,
  timerName,
  unitFiles,
} from '../../schedule/index.js';
import type { CronArguments } from './options.js';
import { configuration } from '../configuration.js';
import { print } from '../print.js';
import { type Context, type Outcome, runCommand } from '../run.js';
import { parseDuration, usage } from '../values.js';

export function runCronInstall(args: CronArguments): Promise<void> {
  return runCommand('cron install', { json: false, quiet: false }, (context) =>
    install(args, context),
  );
}

async function install(args: CronArguments, { reporter }: Context): Promise<Outcome> {
  if (args['dry-run'] === args.write) throw usage('use either --dry-run or --write');
  const schedule: Schedule = {
    command: checkCommand(path.resolve(args.config)),
    configPath: path.resolve(args.config),
    calendar: await checkedCalendar(args.calendar),
    randomDelaySeconds: delaySeconds(args['random-delay']),
    idle: args.idle,
  };
  const files = unitFiles(schedule, path.resolve(args['unit-dir']));
  const crontab = crontabLine(schedule);
  const done = { outcome: 'done', exitCode: exitCodes.done, figures: {} } as const;
  if (args['dry-run']) {
    await configuration(schedule.configPath).catch((error: unknown) => {
      if (!(error instanceof FastsyncError)) throw error;
      reporter.report({
        type: 'note',
        severity: 'warning',
        code: error.code,
        message: error.message,
      });
    });
    const units = files.map((file) => `# ${file.path}\n${file.text}\n`);
    const line = crontab ?? '# none: cron cannot express that time';
    await print(process.stdout, [...units, `# or, in root's crontab\n${line}\n`]);
    return { ...done, facts: [] };
  }
  // A timer that can only fail is not what was asked for.
  await configuration(schedule.configPath);
  await installUnits(files, args.yes);
  return {
    ...done,
    facts: [
      ...files.map((file) => ['written', file.path] as const),
      ['next', 'systemctl daemon-reload'],
      ['then', `systemctl enable --now ${timerName}`],
      ['to check', `systemctl list-timers ${timerName}`],
    ],
  };
}

/** The nightly command by absolute paths: this very node and this very fastverify. */
function checkCommand(configPath: string): Schedule['command'] {
  const script = path.join(packageRoot, 'dist/program/fastverify.mjs');
  const command = [process.execPath, script, '--config', configPath, '--all'] as const;
  if (command.some((word) => /\p{Cc}/u.test(word))) {
    throw usage('a path with control characters cannot be written to a unit or a crontab');
  }
  return [...command];
}

/** systemd's own word on it; where systemd is not installed, units are not used either. */
async function checkedCalendar(calendar: string): Promise<string> {
  if (/\p{Cc}/u.test(calendar)) throw usage('--calendar: expected one line');
  const { failed, code, stderr } = await execa('systemd-analyze', ['calendar', '--', calendar], {
    reject: false,
    env: { LC_ALL: 'C' },
  });
  if (!failed || code === 'ENOENT') return calendar;
  const [why = ''] = stderr.split('\n');
  throw usage(`--calendar: ${why === '' ? `systemd does not accept the time "${calendar}"` : why}`);
}

function delaySeconds(text: string): number {
  return text === '0' ? 0 : Math.ceil(parseDuration('random-delay', text) / 1000);
}
