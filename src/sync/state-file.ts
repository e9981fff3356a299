/** A small JSON file with the state that a run leaves for the next one: replaced atomically and durably. */

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { makeDirectory } from '../directories.js';
import type { FastsyncError } from '../errors.js';
import { ownFileError, readOwn } from '../own-file.js';
import { replaceFile } from '../replace-file.js';

/** The state directory: the one that the user named, else the system's usual place. */
export function stateDirectory(asked?: string): string {
  if (asked !== undefined) return path.resolve(asked);
  if (process.getuid?.() === 0) return '/var/lib/fastsync';
  return path.join(process.env.XDG_STATE_HOME ?? path.join(homedir(), '.local/state'), 'fastsync');
}

/** A file name derived from what identifies the state. */
export function stateKey(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

export interface StateFileOptions<State> {
  readonly path: string;
  /** Its name in messages, for example "checkpoint". */
  readonly what: string;
  /** Whether a value, which may be damaged, is what this version writes. */
  readonly isValid: (value: unknown) => value is State;
}

export class StateFile<State> {
  readonly path: string;
  readonly #options: StateFileOptions<State>;

  constructor(options: StateFileOptions<State>) {
    this.path = options.path;
    this.#options = options;
  }

  /**
   * The last state; null if there is none, or none that this version wrote completely. Rejects with
   * STATE_UNUSABLE.
   */
  async load(): Promise<State | null> {
    const text = await readOwn(this.path).catch((error: unknown) => {
      throw this.#error('read', error);
    });
    if (text === null) return null;
    try {
      const value: unknown = JSON.parse(text);
      return this.#options.isValid(value) ? value : null;
    } catch {
      return null;
    }
  }

  /** Replaces the state by rename, durably. Rejects with STATE_UNUSABLE. */
  async save(state: State): Promise<void> {
    try {
      await makeDirectory(path.dirname(this.path));
      await replaceFile(this.path, `${JSON.stringify(state)}\n`);
    } catch (error) {
      throw this.#error('write', error);
    }
  }

  /** Rejects with STATE_UNUSABLE. */
  async remove(): Promise<void> {
    try {
      await rm(this.path, { force: true });
    } catch (error) {
      throw this.#error('remove', error);
    }
  }

  #error(action: string, cause: unknown): FastsyncError {
    const trouble = {
      code: 'STATE_UNUSABLE',
      action: `${action} the ${this.#options.what}`,
      file: this.path,
      remedy:
        'free space in the directory and make it writable, or choose another one with --state-dir',
    };
    return ownFileError(trouble, cause);
  }
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The latest moment that a Date can hold. */
const latestMs = 8.64e15;

/** Milliseconds since 1970. */
export function isMoment(value: unknown): value is number {
  return isCount(value) && value <= latestMs;
}

/** Pairs of start and length: ascending, with gaps between them, none empty. */
export function isExtents(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length % 2 !== 0 || !value.every(isCount)) return false;
  return value.every((number, index) =>
    index % 2 === 1
      ? number > 0
      : index === 0 || number >= (value[index - 2] as number) + (value[index - 1] as number),
  );
}
