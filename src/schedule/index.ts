/** Regular checks: systemd units and the crontab line that run them. */

export { crontabLine } from './crontab.js';
export { installUnits, type UnitFile, unitFiles } from './install.js';
export { timerName } from './systemd.js';
export type { Schedule } from './types.js';
