/** What the caller of a verification asks for. */

import type { MapOptions } from '../../../fsparsers/index.js';
import type { Reporter } from '../../report/index.js';
import type { Override } from '../../volume/index.js';
import type { Remote } from './far-side.js';

export interface VerifyRequest {
  readonly source: string;
  readonly target: string;
  /** Set where the target is on another host. */
  readonly remote?: Remote | undefined;
  readonly map: MapOptions;
  readonly logDevice?: string | undefined;
  readonly free: 'ignore' | 'verify';
  /** Bytes of the volume; null: its end. */
  readonly startBytes: number;
  readonly stopBytes: number | null;
  /** Write the target where it differs. The preflight then applies the rules for writing it. */
  readonly repair: boolean;
  readonly overrides: ReadonlySet<Override>;
  /** Holds the states of earlier verifications; without it, no range counts as proven. */
  readonly stateDirectory?: string;
  readonly signal: AbortSignal;
  readonly reporter?: Reporter;
}
