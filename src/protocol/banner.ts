/** The first line that each side sends: who speaks, and which versions of the protocol. */

import { version } from '../version.js';
import { notAnAgent, protocolBroken, versionSkew } from './errors.js';

/** The versions of the protocol that this build speaks. */
export const protocolVersions = { least: 1, most: 1 } as const;

const word = 'fastsync-protocol';

/** So much may stand before the banner: what a login shell prints. */
export const mostGreetingBytes = 16 * 1024;

/** "fastsync-protocol 1-1 0.1.0\n" */
export function bannerLine(): string {
  return `${word} ${rangeOf(protocolVersions)} ${version}\n`;
}

interface Versions {
  readonly least: number;
  readonly most: number;
}

function rangeOf({ least, most }: Versions): string {
  return `${least}-${most}`;
}

export interface Banner {
  /** What was printed before it, without the line's end; empty if nothing was. */
  readonly greeting: string;
  /** What came behind it already. */
  readonly rest: Uint8Array;
}

/**
 * Looks for the banner in the first bytes of a stream. Null: it has not come yet. Throws NOT_AN_AGENT
 * where it will not come, VERSION_SKEW, PROTOCOL_BROKEN.
 */
export function findBanner(peer: string, bytes: Uint8Array): Banner | null {
  const text = Buffer.from(bytes).toString('latin1');
  const start = text.startsWith(`${word} `) ? 0 : text.indexOf(`\n${word} `) + 1;
  const isThere = start > 0 || text.startsWith(`${word} `);
  const end = isThere ? text.indexOf('\n', start) : -1;
  if (end < 0) {
    if (text.length > mostGreetingBytes) throw notAnAgent(peer, printable(text));
    return null;
  }
  checkVersions(peer, text.slice(start, end));
  return { greeting: printable(text.slice(0, start)), rest: bytes.subarray(end + 1) };
}

/** The stream has ended without a banner. */
export function noBanner(peer: string, bytes: Uint8Array): Error {
  return notAnAgent(peer, printable(Buffer.from(bytes).toString('latin1')));
}

function checkVersions(peer: string, line: string): void {
  const match = /^fastsync-protocol (\d{1,4})-(\d{1,4}) ([\w.+-]{1,64})$/.exec(line);
  if (match === null) throw protocolBroken(peer, `the banner "${printable(line)}"`);
  const theirs = { least: Number(match[1]), most: Number(match[2]) };
  const { least, most } = protocolVersions;
  if (theirs.least <= most && theirs.most >= least) return;
  throw versionSkew(
    peer,
    { version, range: rangeOf(protocolVersions) },
    { version: match[3] ?? '', range: rangeOf(theirs), isOlder: theirs.most < least },
  );
}

/** The beginning of it, in one line that no terminal takes for commands. */
function printable(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
}
