/** The address of a volume on another host: HOST:/PATH or ssh://USER@HOST:PORT/PATH. */

import { exitCodes, FastsyncError } from '../../errors.js';

export interface RemoteAddress {
  /** As the user wrote it. */
  readonly text: string;
  /** The argument for ssh: HOST or USER@HOST. */
  readonly destination: string;
  /** Null: the user's ssh configuration decides. */
  readonly port: number | null;
  readonly path: string;
}

/**
 * Parses an address. Null if `text` is a path on this host: every text with a slash before the first
 * colon is a path. Throws USAGE for an address that cannot be passed to ssh.
 */
export function parseAddress(text: string): RemoteAddress | null {
  if (/^ssh:\/\//i.test(text)) return parseUrl(text);
  const match = /^(\[[^\]/]+\]|[^:/[\]]+(?:@\[[^\]/]+\])?):(.*)$/s.exec(text);
  if (match === null) return null;
  const [, host = '', path = ''] = match;
  return checked({ text, destination: host.replaceAll(/[[\]]/g, ''), port: null, path });
}

function parseUrl(text: string): RemoteAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw unusable(text);
  }
  const { username, password, hostname, port, pathname, search, hash } = url;
  if (password !== '' || search !== '' || hash !== '') throw unusable(text);
  const host = hostname.replaceAll(/[[\]]/g, '');
  const user = username === '' ? '' : `${decodeURIComponent(username)}@`;
  const number = port === '' ? null : Number(port);
  return checked({
    text,
    destination: `${user}${host}`,
    port: number,
    path: decodeURIComponent(pathname),
  });
}

/** ssh would take a word that begins with a dash for an option. */
function checked(address: RemoteAddress): RemoteAddress {
  const { destination, path, text } = address;
  if (!/^[\w.:%@+-]+$/.test(destination) || /^-|@-/.test(destination)) throw unusable(text);
  if (!path.startsWith('/') || /[\0\n\r]/.test(path)) throw unusable(text);
  return address;
}

function unusable(text: string): FastsyncError {
  return new FastsyncError({
    code: 'USAGE',
    exitCode: exitCodes.usage,
    message: `"${text}" is not the address of a volume`,
    remedy:
      'write HOST:/PATH or ssh://USER@HOST:PORT/PATH; a file whose name has a colon is written with a slash before it',
  });
}
