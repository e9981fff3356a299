/** The banner: the first line that each side sends, with its program version and its protocol versions. */

import { version } from '../version.js';
import { notAnAgent, protocolBroken, versionSkew } from './errors.js';

/** The protocol versions that this build supports. */
export const protocolVersions = { least: 1, most: 1 } as const;

const word = 'fastsync-protocol';

/** The most bytes that may precede the banner: a login shell may print something. */
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
  /** What was printed before the banner, without the end of line; may be empty. */
  readonly greeting: string;
  /** The bytes received after it. */
  readonly rest: Uint8Array;
}

/**
 * Looks for the banner in the first bytes of a stream. Null: it has not arrived yet. Throws NOT_AN_AGENT
 * if there is none, VERSION_SKEW and PROTOCOL_BROKEN.
 */
export function findBanner(peer: string, bytes: Uint8Array): Banner | null {
  const text = Buffer.from(bytes).toString('latin1');
  const start = text.startsWith(`${word} `) ? 0 : text.indexOf(`\n${word} `) + 1;
  const isThere = start > 0 || text.startsWith(`${word} `);
  const end = isThere ? text.indexOf('\n', start) : -1;
  if (end < 0) {
    // No shell prints a NUL, and every frame has one: then the banner itself was lost.
    if (text.length > mostGreetingBytes || text.includes('\0'))
      throw notAnAgent(peer, printable(text));
    return null;
  }
  checkVersions(peer, text.slice(start, end));
  return { greeting: printable(text.slice(0, start)), rest: bytes.subarray(end + 1) };
}

/** The stream ended without a banner. */
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

/** The beginning of the text, as one line without control characters. */
function printable(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
}
