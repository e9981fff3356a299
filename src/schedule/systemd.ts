/** The systemd service and timer. Quoting: systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers". */

import type { Schedule } from './types.js';

export const serviceName = 'fastverify.service';
export const timerName = 'fastverify.timer';

/** The first line of fastsync's units: units that begin otherwise are not overwritten. */
export const unitMark = '# Written by "fastsync cron install";';

const preamble = `${unitMark} it may overwrite this file. To change settings: systemctl edit\n`;

export function serviceText({ command, configPath, idle }: Schedule): string {
  const [program, ...words] = command;
  // systemd does not expand variables in the program's name.
  const line = [quoted(program), ...words.map((word) => quoted(word.replaceAll('$', '$$$$')))];
  return `${preamble}[Unit]
Description=Check the replicas named in ${specified(configPath)}
Documentation=man:fastverify(8) man:fastsync.yaml(5)

[Service]
Type=oneshot
ExecStart=${line.join(' ')}
# SIGTERM goes to the main process only: it shuts its children down cleanly.
KillMode=mixed
${idle ? 'IOSchedulingClass=idle\n' : ''}`;
}

export function timerText({ configPath, calendar, randomDelaySeconds }: Schedule): string {
  return `${preamble}[Unit]
Description=When to check the replicas named in ${specified(configPath)}
Documentation=man:fastverify(8) man:fastsync.yaml(5)

[Timer]
OnCalendar=${calendar}
RandomizedDelaySec=${randomDelaySeconds}s
# If the host was off at that time, the check runs after boot.
Persistent=true

[Install]
WantedBy=timers.target
`;
}

/** One word of a command line. */
function quoted(word: string): string {
  const text = specified(word)
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`);
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text}"`;
}

/** Escapes systemd's specifiers (%n and others), which it expands nearly everywhere. */
function specified(text: string): string {
  return text.replaceAll('%', '%%');
}
