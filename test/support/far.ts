/** A seed onto another host, which is this one behind an sshd: what to say. */

import type { ExecutionContext } from 'ava';
import { type SshdOptions, startSshd } from './sshd.js';

/** The words of `fastsync init` from a source here to targets, which `far` makes those of the other host. */
export async function otherHost(t: ExecutionContext, options: SshdOptions = {}) {
  const sshd = await startSshd(t, options);
  const far = (path: string) => `${sshd.host}:${path}`;
  const initWords = (source: string, targets: readonly string[], state: readonly string[]) => [
    ...['init', '--src', source],
    ...targets.flatMap((target) => ['--dst', target]),
    ...[...state, ...sshd.words],
  ];
  return { sshd, far, initWords };
}
