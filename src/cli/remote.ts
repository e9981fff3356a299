/** What the options of another host mean. */

import type { InferredOptionTypes } from 'yargs';
import type { DigestAlgorithm } from '../engine/index.js';
import type { Remote, RemoteAccess } from '../sync/index.js';
import { parseAddress } from '../volume/index.js';
import type { remoteOptions } from './remote-options.js';
import { parsePeerTimeout, usage } from './values.js';

interface Volumes {
  readonly src: string | undefined;
  readonly dst: string | undefined;
  readonly algorithm: DigestAlgorithm | undefined;
}

/** How other hosts are reached. Throws a usage error, also for a source that is on one. */
export function accessFrom(
  args: InferredOptionTypes<typeof remoteOptions>,
  src: string | undefined,
): RemoteAccess {
  const silenceMs = parsePeerTimeout(args['peer-timeout']);
  const ssh = args.ssh.split(/\s+/).filter((word) => word !== '');
  if (ssh.length === 0) throw usage('--ssh: expected a program, got ""');
  const source = src === undefined ? null : parseAddress(src);
  if (source !== null) {
    throw usage(
      `--src: ${source.text} is on another host; run the command there, with this host's volume as --dst`,
    );
  }
  return { shell: { ssh, remoteCommand: args['remote-command'] }, silenceMs };
}

/** Undefined: both volumes are on this host. Throws a usage error. */
export function remoteFrom(
  args: InferredOptionTypes<typeof remoteOptions>,
  { src, dst, algorithm }: Volumes,
): Remote | undefined {
  const access = accessFrom(args, src);
  const address = dst === undefined ? null : parseAddress(dst);
  if (address === null) return undefined;
  return { address, ...access, algorithm: remoteAlgorithm(algorithm) };
}

/** What digests are made with. Throws a usage error for one that hosts do not exchange. */
function remoteAlgorithm(name: DigestAlgorithm | undefined): DigestAlgorithm {
  if (name === 'xxh64') {
    throw usage('--algorithm: across hosts use xxh3-128, or sha256 against deliberate changes');
  }
  return name ?? 'xxh3-128';
}

/** Throws a usage error where a volume is on another host, for commands that work on this one only. */
export function refuseRemote(command: string, volumes: readonly string[]): void {
  for (const volume of volumes) {
    if (parseAddress(volume) === null) continue;
    throw usage(
      `${volume} is on another host; "fastsync ${command}" works on this host only, fastsync init and fastverify also reach others`,
    );
  }
}
