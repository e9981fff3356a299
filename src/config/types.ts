/** The configuration as the rest of fastsync sees it: checked, defaults filled in, numbers instead of words. */

import type { IoOptions } from '../engine/index.js';
import type { Override } from '../volume/index.js';

export interface PairConfig {
  readonly name: string;
  readonly src: string;
  readonly dst: string;
  readonly free: 'ignore' | 'verify';
  readonly whole: boolean;
  /** The family to read the source as; null: by its signatures. */
  readonly as: string | null;
  readonly swap: 'whole' | 'header';
  /** Whether to hold free space against who owns blocks. */
  readonly crossCheck: 'auto' | 'owners' | 'none';
  readonly logDevice: string | null;
  readonly repair: boolean;
  /** The source is mounted, and verified as it lives; null: both sides are at rest. */
  readonly online: {
    /** How long the replica may take to follow. */
    readonly lagToleranceMs: number;
    /** The longest that writers may wait while the map is read. */
    readonly maxFreezeMs: number;
  } | null;
  /** What has not answered for so long is given up; null: it is waited for. */
  readonly ioTimeoutMs: number | null;
  /** A run stops after so long, and the next one goes on there; null: it goes through. */
  readonly maxTimeMs: number | null;
  /** How old the oldest proof of a pair with a limit of time may become. */
  readonly maxAgeMs: number;
  readonly ioOptions: IoOptions;
  readonly overrides: ReadonlySet<Override>;
}

export interface Config {
  /** The file it came from. */
  readonly path: string;
  /** In the order of the file; never none. */
  readonly pairs: readonly PairConfig[];
  /** Null: the system's usual place. */
  readonly stateDir: string | null;
  /** The JSON lines log. */
  readonly log: string | null;
  /** The Prometheus textfile. */
  readonly metrics: string | null;
}

export const defaultConfigPath = '/etc/fastsync/fastsync.yaml';
