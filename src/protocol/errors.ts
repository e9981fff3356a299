/** Errors between two hosts. All of them end with exit code 6. */

import { exitCodes, FastsyncError } from '../errors.js';

function remoteError(code: string, message: string, remedy: string, cause?: unknown) {
  return new FastsyncError({ code, exitCode: exitCodes.remote, message, remedy, cause });
}

/** The peer sent something that the protocol does not allow. */
export function protocolBroken(peer: string, what: string): FastsyncError {
  return remoteError(
    'PROTOCOL_BROKEN',
    `${peer} broke the protocol: it sent ${what}`,
    'look for what alters the connection; if it happens again, report it',
  );
}

/** The connection ended before the work was done. */
export function linkLost(peer: string, why: string, cause?: unknown): FastsyncError {
  return remoteError(
    'LINK_LOST',
    `the connection to ${peer} was lost: ${why}`,
    'run the same command again: it resumes where this run stopped',
    cause,
  );
}

/** The peer sent nothing, not even a heartbeat. */
export function peerSilent(peer: string, seconds: number): FastsyncError {
  return remoteError(
    'PEER_SILENT',
    `${peer} sent nothing for ${seconds} s`,
    'check the network and the other host, and run the same command again',
  );
}

/** The other side does not speak the protocol. `said`: the beginning of what it printed instead. */
export function notAnAgent(peer: string, said: string): FastsyncError {
  const what = said === '' ? 'nothing' : `"${said}"`;
  return remoteError(
    'NOT_AN_AGENT',
    `${peer} did not start fastsync agent: it printed ${what}`,
    'check that fastsync is installed there and in the PATH of a command that ssh runs, or name it with --remote-command',
  );
}

/** Both sides speak the protocol, but have no version in common. */
export function versionSkew(
  peer: string,
  ours: { readonly version: string; readonly range: string },
  theirs: { readonly version: string; readonly range: string; readonly isOlder: boolean },
): FastsyncError {
  return remoteError(
    'VERSION_SKEW',
    `this host has fastsync ${ours.version} (protocol ${ours.range}), ${peer} has ${theirs.version} (protocol ${theirs.range})`,
    `upgrade fastsync on ${theirs.isOlder ? peer : 'this host'}`,
  );
}
