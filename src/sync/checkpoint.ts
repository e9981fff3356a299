/** How far a run has come, kept on disk so that the same command can go on after any interruption. */

import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { makeDirectory } from '../directories.js';
import { exitCodes, FastsyncError } from '../errors.js';

const schema = 'fastsync-checkpoint/2';

export interface Checkpoint {
  readonly schema: typeof schema;
  /** What the targets are marked with while this checkpoint is true of them. */
  readonly runId: string;
  /** Stable names: what this checkpoint is about. */
  readonly source: string;
  readonly targets: readonly string[];
  /** Says whether the source was written since; null if that could not be known. */
  readonly sourceEvidence: string | null;
  /** Digest of the work list that `durableBytes` counts in. */
  readonly workListDigest: string;
  readonly verified: boolean;
  /** How unused ranges of the target were treated, and whether that is over. */
  readonly free: string;
  readonly freeDone: boolean;
  /** Prefix of the work list that is written and flushed on every target. */
  readonly durableBytes: number;
  readonly totalBytes: number;
  /** Unreadable ranges met so far, as pairs of start and length: tried again. */
  readonly badRanges: readonly number[];
  /** Unreadable bytes of the prefix that are not in `badRanges` yet: nobody knows where they lie. */
  readonly unlistedBadBytes: number;
  readonly updatedAt: string;
}

export type CheckpointState = Omit<Checkpoint, 'schema' | 'updatedAt'>;

/** Where state is kept: the directory that was asked for, else the system's usual place. */
export function stateDirectory(asked?: string): string {
  if (asked !== undefined) return path.resolve(asked);
  if (process.getuid?.() === 0) return '/var/lib/fastsync';
  return path.join(process.env.XDG_STATE_HOME ?? path.join(homedir(), '.local/state'), 'fastsync');
}

/** The checkpoint of one source and one set of targets. */
export class CheckpointFile {
  readonly path: string;

  constructor(directory: string, source: string, targets: readonly string[]) {
    const key = createHash('sha256')
      .update(JSON.stringify([source, ...targets]))
      .digest('hex')
      .slice(0, 32);
    this.path = path.join(directory, 'checkpoints', `${key}.json`);
  }

  /** The last checkpoint, or null: none, or not one that this version wrote whole. */
  async load(): Promise<Checkpoint | null> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw this.#error('read', error);
    }
    try {
      const value: unknown = JSON.parse(text);
      return isCheckpoint(value) ? value : null;
    } catch {
      return null;
    }
  }

  /**
   * Replaces the checkpoint, by rename, and makes it durable. To be called only for what the
   * targets have flushed: a checkpoint must never claim more than they hold.
   */
  async save(state: CheckpointState): Promise<void> {
    const checkpoint: Checkpoint = { schema, ...state, updatedAt: new Date().toISOString() };
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      await makeDirectory(path.dirname(this.path));
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(checkpoint)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
      const directory = await open(path.dirname(this.path), 'r');
      await directory.sync().finally(() => directory.close());
    } catch (error) {
      throw this.#error('write', error);
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  #error(action: string, cause: unknown): FastsyncError {
    return new FastsyncError({
      code: 'STATE_UNUSABLE',
      exitCode: exitCodes.usage,
      message: `cannot ${action} the checkpoint ${this.path}: ${(cause as Error).message}`,
      remedy: 'make the directory writable, or choose another with --state-dir',
      cause,
    });
  }
}

/** Whether a file that anything may have happened to holds what save() writes. */
function isCheckpoint(value: unknown): value is Checkpoint {
  const candidate = value as Partial<Record<keyof Checkpoint, unknown>> | null;
  const { durableBytes, totalBytes, unlistedBadBytes } = candidate ?? {};
  return (
    candidate?.schema === schema &&
    typeof candidate.workListDigest === 'string' &&
    typeof candidate.runId === 'string' &&
    typeof candidate.updatedAt === 'string' &&
    typeof candidate.verified === 'boolean' &&
    typeof candidate.freeDone === 'boolean' &&
    isCount(totalBytes) &&
    isCount(durableBytes) &&
    durableBytes <= totalBytes &&
    isCount(unlistedBadBytes) &&
    isExtents(candidate.badRanges)
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isExtents(value: unknown): boolean {
  if (!Array.isArray(value) || value.length % 2 !== 0 || !value.every(isCount)) return false;
  // Ascending, apart from each other, none empty.
  return value.every((number, index) =>
    index % 2 === 1
      ? number > 0
      : index === 0 || number >= (value[index - 2] as number) + (value[index - 1] as number),
  );
}
