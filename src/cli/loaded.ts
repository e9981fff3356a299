/** What a command does is loaded when it runs: its options alone are enough to parse, help and complete. */

import { exitCodes, FastsyncError, isOutOfFiles, tooManyFiles } from '../errors.js';

/** Imports a module. Rejects with a FastsyncError that tells why it cannot be loaded. */
export async function loaded<Module>(load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    throw notLoadable('fastsync', error);
  }
}

/** `what` could not be loaded for `error`. */
export function notLoadable(what: string, error: unknown): FastsyncError {
  const message = `${what} cannot be loaded by Node ${process.version}: ${messageOf(error)}`;
  if (isOutOfFiles(error)) return tooManyFiles(message, error);
  return new FastsyncError({
    code: 'NOT_LOADABLE',
    exitCode: exitCodes.usage,
    message,
    remedy: 'Reinstall it, with Node 20.19 or newer, and give it enough memory (ulimit -v)',
    cause: error,
  });
}

/** In one line: what a module cannot be loaded for may be shown with its source. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0] ?? '';
}
