/** The systemd service and timer. Quoting: systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers". */

import type { Schedule } from './types.js';

export const serviceName = 'fastverify.service';
export const timerName = 'fastverify.timer';

/** What every unit of ours begins with: another's is not overwritten. */
export const unitMark = '# Written by "fastsync cron install";';

const preamble = `${unitMark} it may be overwritten by it. For changes of your own: systemctl edit\n`;

export function serviceText({ command, configPath, idle }: Schedule): string {
  const [program, ...words] = command;
  // Variables are not replaced in the program's own name.
  const line = [quoted(program), ...words.map((word) => quoted(word.replaceAll('$', '$$$$')))];
  return `${preamble}[Unit]
Description=Check the replicas named in ${specified(configPath)}
Documentation=man:fastverify(8) man:fastsync.yaml(5)

[Service]
Type=oneshot
ExecStart=${line.join(' ')}
# Only the check itself is asked to stop; it ends in good order what it has begun.
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
# A host that was off at that time makes up for it.
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

/** systemd replaces %n and its kin nearly everywhere. */
function specified(text: string): string {
  return text.replaceAll('%', '%%');
}
