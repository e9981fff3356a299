/** What systemd itself reads in a unit. */

import { execa } from 'execa';

/** The words of a service's ExecStart=, as systemd parsed them. */
export async function execStartOf(unit: string): Promise<readonly [string, ...string[]]> {
  const { stdout, stderr } = await execa('systemd-analyze', ['verify', '--man=no', unit], {
    env: { SYSTEMD_LOG_LEVEL: 'debug' },
  });
  // The dump of all units loaded, ours among them; each begins with "-> Unit NAME:".
  const dump = `${stdout}\n${stderr}`
    .split('-> Unit ')
    .find((text) => text.startsWith('fastverify.service:'));
  const line = /-> ExecStart:\s+Command Line: (.*)/.exec(dump ?? '')?.[1];
  if (line === undefined) throw new Error(`Expected systemd to show the command line of ${unit}`);
  // It is shown quoted for a shell.
  const script = 'eval "set -- $1"; printf "%s\\0" "$@"';
  const { stdout: list } = await execa('bash', ['-c', script, 'bash', line]);
  const [program = '', ...words] = list.split('\0').slice(0, -1);
  // What systemd does when it starts it: $$ is a dollar, variables are replaced, and none is set.
  const started = (word: string) =>
    word.replaceAll(/\$\$|\$\{\w+\}|\$\w+/g, (found) => (found === '$$' ? '$' : ''));
  return [program, ...words.map(started)];
}

/** Runs a command in the surroundings of a system service: hardly any. */
export function runAsService([program, ...words]: readonly [string, ...string[]]) {
  return execa(program, words, {
    cwd: '/',
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', LANG: 'C.UTF-8' },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
  });
}

/** Runs the command of a crontab line as cron does. */
export function runAsCron(line: string) {
  const command = line.split(/\s+/).slice(0, 5).join(' ');
  // A bare % ends the command.
  const [text = ''] = line
    .slice(command.length)
    .trim()
    .split(/(?<!\\)%/);
  return runAsService(['/bin/sh', '-c', text.replaceAll('\\%', '%')]);
}
