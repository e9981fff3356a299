/** Where a volume of another host is, as the user writes it: HOST:/PATH or ssh://USER@HOST:PORT/PATH. */

import { exitCodes, FastsyncError } from '../../errors.js';

export interface RemoteAddress {
  /** As the user wrote it. */
  readonly text: string;
  /** What ssh is told: HOST or USER@HOST. */
  readonly destination: string;
  /** Null: as the user's ssh configuration has it. */
  readonly port: number | null;
  readonly path: string;
}

/**
 * The address that `text` is, or null where it is a path of this host. Everything with a slash before
 * the first colon is a path. Throws USAGE for an address that ssh could not be given.
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

/** What begins with a dash would be an option of ssh. */
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
