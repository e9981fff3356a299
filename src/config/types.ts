/** The checked configuration: defaults filled in, sizes and times as numbers. */

import type { IoOptions } from '../engine/index.js';
import type { Override, RemoteAddress, RemoteShell } from '../volume/index.js';

export interface PairConfig {
  readonly name: string;
  readonly src: string;
  readonly dst: string;
  readonly free: 'ignore' | 'verify';
  readonly whole: boolean;
  /** The family to parse the source as; null: detected by its signatures. */
  readonly as: string | null;
  readonly swap: 'whole' | 'header';
  /** Whether to check free space against the owners of blocks. */
  readonly crossCheck: 'auto' | 'owners' | 'none';
  readonly logDevice: string | null;
  readonly repair: boolean;
  /** The source is mounted and verified while in use; null: neither side is in use. */
  readonly online: {
    /** How long the replica may lag behind. */
    readonly lagToleranceMs: number;
    /** The longest time that writers may wait while the map is read. */
    readonly maxFreezeMs: number;
  } | null;
  /** Where the target is on another host; null: on this one. */
  readonly remote: {
    readonly address: RemoteAddress;
    readonly shell: RemoteShell;
    /** After so long without a sign of life the other host counts as dead. */
    readonly silenceMs: number;
  } | null;
  /** Give up on a side that has not answered for this long; null: wait without limit. */
  readonly ioTimeoutMs: number | null;
  /** A run stops after this time, and the next run resumes there; null: no limit. */
  readonly maxTimeMs: number | null;
  /** The allowed age of the oldest proof of a pair that has a time limit. */
  readonly maxAgeMs: number;
  readonly ioOptions: IoOptions;
  readonly overrides: ReadonlySet<Override>;
}

export interface Config {
  /** The file it came from. */
  readonly path: string;
  /** In the order of the file; at least one. */
  readonly pairs: readonly PairConfig[];
  /** Null: the default directory. */
  readonly stateDir: string | null;
  /** The JSON lines log. */
  readonly log: string | null;
  /** The Prometheus textfile. */
  readonly metrics: string | null;
  /** Keys under their old names, each "file:line:column: sentence". */
  readonly deprecations: readonly string[];
}

export const defaultConfigPath = '/etc/fastsync/fastsync.yaml';
