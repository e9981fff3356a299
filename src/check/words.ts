/** Commands that users can paste into a shell. */

import type { PairConfig } from '../config/index.js';
import { shellWord } from '../shell-word.js';

/** The command that checks this pair alone, and lists every range. */
export function closerLook(pair: PairConfig, stateDirectory: string): string {
  const { src, dst, free, whole, as, swap, crossCheck, logDevice, online, overrides } = pair;
  const option = (name: string, value: string | null) => (value === null ? [] : [name, value]);
  const words = [
    ...['fastverify', '--src', src, '--dst', dst],
    ...(free === 'verify' ? ['--free', 'verify'] : []),
    ...(whole ? ['--whole'] : []),
    ...option('--as', as),
    ...option('--swap', swap === 'whole' ? null : swap),
    ...option('--cross-check', crossCheck === 'auto' ? null : crossCheck),
    ...option('--log-device', logDevice),
    ...(online === null ? [] : ['--online', '--lag-tolerance', `${online.lagToleranceMs / 1000}s`]),
    ...[...overrides].map((name) => `--${name}`),
    ...option('--state-dir', stateDirectory === '/var/lib/fastsync' ? null : stateDirectory),
  ];
  return words.map(shellWord).join(' ');
}

/** The command that repairs this pair with its settings; for a source in use it copies what differs. */
export function repairCommand(pair: PairConfig, configPath: string): string {
  const { name, src, dst, online } = pair;
  if (online !== null) {
    const words = ['fastsync', 'init', '--src', src, '--dst', dst, '--online', '--compare'];
    return words.map(shellWord).join(' ');
  }
  return `fastverify --config ${shellWord(configPath)} ${name} --repair`;
}
