/** Errors about a manifest: what is wrong, and where. */

import { exitCodes, FastsyncError } from '../errors.js';

/** The manifest is damaged: truncated or altered since it was written. */
export class ManifestError extends FastsyncError {
  override readonly name = 'ManifestError';
  /** "header", "leaf 12", "node 0 of level 4". */
  readonly block: string;
  readonly offsetBytes: number;

  constructor(file: string, block: string, offsetBytes: number, what: string) {
    super({
      code: 'MANIFEST_DAMAGED',
      exitCode: exitCodes.usage,
      message: `${file}: the manifest's ${block} at byte ${offsetBytes} ${what}`,
      remedy: 'use another copy of it, or write a new one with --write-manifest',
    });
    this.block = block;
    this.offsetBytes = offsetBytes;
  }
}

/** The manifest is intact, but not suitable for the request. */
export function unsuitable(code: string, message: string, remedy: string): FastsyncError {
  return new FastsyncError({ code, exitCode: exitCodes.usage, message, remedy });
}
