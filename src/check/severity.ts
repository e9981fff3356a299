/** Chooses one exit code for many pairs: the most serious one. */

import { type ExitCode, exitCodes } from '../errors.js';

/**
 * Worst first: a difference; then what may be or hide a difference; then what prevented a check, ordered
 * by how unlikely it goes away by itself.
 */
const worstFirst: readonly ExitCode[] = [
  exitCodes.different,
  exitCodes.incomplete,
  exitCodes.remote,
  exitCodes.usage,
  exitCodes.refused,
  exitCodes.interrupted,
  exitCodes.locked,
  exitCodes.done,
];

/** The most serious of them; 0 if there are none. */
export function mostSerious(codes: Iterable<ExitCode>): ExitCode {
  const met = new Set(codes);
  return worstFirst.find((code) => met.has(code)) ?? exitCodes.done;
}
