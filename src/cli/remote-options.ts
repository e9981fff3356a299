/** Options of commands whose target may be on another host, and what they mean. */

import type { InferredOptionTypes, Options } from 'yargs';
import type { DigestAlgorithm } from '../engine/index.js';
import { parseAddress, type RemoteAddress, type RemoteShell } from '../volume/index.js';
import { parsePeerTimeout, usage } from './values.js';

export const remoteOptions = {
  ssh: {
    type: 'string',
    default: 'ssh',
    group: 'Another host:',
    describe: 'The ssh program and its options, as words: "ssh -F FILE"',
  },
  'remote-command': {
    type: 'string',
    default: 'fastsync',
    group: 'Another host:',
    describe: 'How fastsync is started there: "sudo -n fastsync"',
  },
  'peer-timeout': {
    type: 'string',
    default: '30s',
    group: 'Another host:',
    describe: 'After so long without a sign of life the other host counts as dead',
  },
} as const satisfies Record<string, Options>;

export interface Remote {
  readonly target: RemoteAddress;
  readonly shell: RemoteShell;
  readonly silenceMs: number;
}

/** Null: both volumes are on this host. Throws a usage error. */
export function remoteFrom(
  args: InferredOptionTypes<typeof remoteOptions>,
  { src, dst }: { readonly src: string | undefined; readonly dst: string | undefined },
): Remote | null {
  const silenceMs = parsePeerTimeout(args['peer-timeout']);
  const ssh = args.ssh.split(/\s+/).filter((word) => word !== '');
  if (ssh.length === 0) throw usage('--ssh: expected a program, got ""');
  const source = src === undefined ? null : parseAddress(src);
  if (source !== null) {
    throw usage(
      `--src: ${source.text} is on another host; run the command there, with this host's volume as --dst`,
    );
  }
  const target = dst === undefined ? null : parseAddress(dst);
  if (target === null) return null;
  return { target, silenceMs, shell: { ssh, remoteCommand: args['remote-command'] } };
}

/** What digests are made with. Throws a usage error for one that hosts do not exchange. */
export function remoteAlgorithm(name: DigestAlgorithm | undefined): DigestAlgorithm {
  if (name === 'xxh64') {
    throw usage('--algorithm: across hosts it is xxh3-128, or sha256 where somebody may mean harm');
  }
  return name ?? 'xxh3-128';
}

/** Throws a usage error where a volume is on another host, for commands that work on this one only. */
export function refuseRemote(command: string, volumes: readonly string[]): void {
  for (const volume of volumes) {
    if (parseAddress(volume) === null) continue;
    throw usage(
      `${volume} is on another host, which "fastsync ${command}" does not reach: only fastverify does`,
    );
  }
}
