/** The system's errors by name, also those that Node calls "Unknown system error -122". */

import { getSystemErrorMap } from 'node:util';

/**
 * Further errors of storage and network file systems. Their numbers are equal on all supported
 * architectures.
 */
const unknownToNode: Readonly<Record<number, readonly [name: string, text: string]>> = {
  37: ['ENOLCK', 'no locks available'],
  52: ['EBADE', 'invalid exchange'],
  62: ['ETIME', 'timer expired'],
  67: ['ENOLINK', 'link has been severed'],
  74: ['EBADMSG', 'bad message'],
  116: ['ESTALE', 'stale file handle'],
  117: ['EUCLEAN', 'structure needs cleaning'],
  121: ['EREMOTEIO', 'remote i/o error'],
  122: ['EDQUOT', 'disk quota exceeded'],
  123: ['ENOMEDIUM', 'no medium found'],
  124: ['EMEDIUMTYPE', 'wrong medium type'],
  133: ['EHWPOISON', 'memory page has hardware error'],
};

/** Name and words of an error's number, which is positive. */
export function systemError(errno: number): readonly [name: string, text: string] {
  const known = unknownToNode[errno] ?? getSystemErrorMap().get(-errno);
  return known ?? [`E${errno}`, `error ${errno}`];
}

const nameless = 'Unknown system error -';

/** The name of the error, "ENOSPC"; null where it has none. */
export function systemErrorName(error: unknown): string | null {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === undefined) return null;
  return code.startsWith(nameless) ? systemError(-(errno ?? NaN))[0] : code;
}

/** Node's description, or ours where Node has none. */
export function systemErrorText(error: Error): string {
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  if (code?.startsWith(nameless) !== true) return error.message;
  const [name, text] = systemError(-(errno ?? NaN));
  return `${name}: ${text}${syscall === undefined ? '' : `, ${syscall}`}`;
}
