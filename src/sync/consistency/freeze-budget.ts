/**
 * Decides how much may be left to copy while writers wait: when to copy another round, when to cut over,
 * when to report that the copy does not converge. A seed cuts over once and measures the remaining
 * ranges; a replica does so with every epoch and learns from them.
 */

export type Decision = 'copy' | 'cutover' | 'give up';

/** How the remaining bytes compare with the time that writers may wait. */
export type Fit = 'comfortable' | 'bearable' | 'too much';

/** Whether another round may be copied, or enough were copied and more would not help. */
export type Rounds = 'more' | 'over';

/** Decides what to do with the remaining bytes. */
export function decide(left: Fit, rounds: Rounds): Decision {
  if (left === 'comfortable') return 'cutover';
  if (rounds === 'more') return 'copy';
  return left === 'bearable' ? 'cutover' : 'give up';
}

/** The limits of a seed's only cutover. */
export interface CutoverLimits {
  /** The longest that writers may wait, in milliseconds. */
  readonly maxFreezeMs: number;
  readonly maxRounds: number;
  /** The most that the cutover buffer may hold. */
  readonly bufferBytes: number;
}

/** Measured at the beginning of a round. */
export interface RoundReading {
  readonly dirtyBytes: number;
  /** How fast the dirty ranges are read, measured on a sample of them. */
  readonly bytesPerSecond: number;
}

/** A freeze this short is not worth another round. */
const comfortableMs = 30;
/** The share of the allowed time that copying may take; the freeze call needs the rest. */
const marginShare = 0.6;
/** Rounds have stalled when several in a row leave more than this share of what they found. */
const shrinkShare = 0.8;
const stalledRounds = 2;

/** How long writers are expected to wait while that much is read. */
export function expectedFreezeMs({ dirtyBytes, bytesPerSecond }: RoundReading): number {
  return bytesPerSecond > 0 ? (dirtyBytes / bytesPerSecond) * 1000 : Infinity;
}

/**
 * What is left now, at the fastest speed of the last readings: they are taken while others write, but
 * nobody writes during the freeze. Undefined without readings.
 */
export function likelyReading(readings: readonly RoundReading[]): RoundReading | undefined {
  const last = readings.at(-1);
  if (last === undefined) return undefined;
  const speeds = readings
    .slice(-1 - stalledRounds)
    .filter(({ dirtyBytes }) => dirtyBytes > 0)
    .map(({ bytesPerSecond }) => bytesPerSecond);
  return { ...last, bytesPerSecond: Math.max(last.bytesPerSecond, ...speeds) };
}

/** Decides what a seed does next from all readings, the newest last. */
export function decideCutover(readings: readonly RoundReading[], limits: CutoverLimits): Decision {
  const last = likelyReading(readings);
  if (last === undefined) return 'copy';
  const isOver = readings.length > limits.maxRounds || hasStalled(readings);
  return decide(fitOf(last, limits), isOver ? 'over' : 'more');
}

function fitOf(left: RoundReading, { maxFreezeMs, bufferBytes }: CutoverLimits): Fit {
  const expectedMs = expectedFreezeMs(left);
  const fits = expectedMs <= maxFreezeMs * marginShare && left.dirtyBytes <= bufferBytes;
  if (!fits) return 'too much';
  return expectedMs <= comfortableMs ? 'comfortable' : 'bearable';
}

function hasStalled(readings: readonly RoundReading[]): boolean {
  if (readings.length <= stalledRounds) return false;
  return readings.slice(-stalledRounds).every(({ dirtyBytes }, index) => {
    const before = readings[readings.length - stalledRounds + index - 1];
    return before !== undefined && dirtyBytes > before.dirtyBytes * shrinkShare;
  });
}

/** So little needs no round of its own before the freeze. */
const trifleBytes = 256 * 1024;
const leastFrozenBytes = 1024 * 1024;
/** The most to copy in a freeze, however fast the disks are. */
export const mostFrozenBytes = 64 * 1024 * 1024;
/** The share of the longest freeze that copying should take, by earlier measurements. */
const frozenShare = 0.1;
/** After so many rounds without progress, the budget accepts this many times its aim. */
const patientRounds = 8;
const patience = 4;
const leastCaution = 1 / 64;

/** What a replica has to copy for its next epoch, and how many rounds it has copied for it. */
export interface EpochReading {
  readonly leftBytes: number;
  readonly rounds: number;
}

/** Learns from the copying before a freeze, and from freezes that took too long. */
export class EpochBudget {
  readonly #maxFreezeMs: number;
  #bytesPerSecond = 50 * 1024 * 1024;
  /** Halved by each freeze that took too long. */
  #caution = 1;

  constructor(maxFreezeMs: number) {
    this.#maxFreezeMs = maxFreezeMs;
  }

  /** Decides what a replica does next. */
  decide(reading: EpochReading): Decision {
    return decide(this.#fitOf(reading), reading.rounds < patientRounds ? 'more' : 'over');
  }

  /** Whether these bytes exceed what any freeze may copy. */
  isBeyond(bytes: number): boolean {
    return bytes > patience * this.#limitBytes;
  }

  /** Learns the copy speed; ignores samples too small to tell. */
  measured(bytes: number, seconds: number): void {
    if (bytes >= leastFrozenBytes && seconds > 0) this.#bytesPerSecond = bytes / seconds;
  }

  /** Call when a freeze lasted as long as it was needed. */
  lasted(): void {
    this.#caution = 1;
  }

  /** Call when a freeze took too long or failed. Returns whether the freeze before it failed, too. */
  lost(): 'once' | 'again' {
    const which = this.#caution === 1 ? 'once' : 'again';
    this.#caution = Math.max(this.#caution / 2, leastCaution);
    return which;
  }

  /** Whether freezes took too long however little was left: then the freeze call itself is slow. */
  get isExhausted(): boolean {
    return this.#caution <= leastCaution;
  }

  /** Before the first round, only a nearly empty remainder fits. */
  #fitOf({ leftBytes, rounds }: EpochReading): Fit {
    const aimBytes = this.#limitBytes * this.#caution;
    const isLittle = leftBytes <= trifleBytes || (rounds > 0 && leftBytes <= aimBytes);
    if (isLittle) return 'comfortable';
    return leftBytes <= patience * aimBytes ? 'bearable' : 'too much';
  }

  get #limitBytes(): number {
    const fitting = (this.#bytesPerSecond * this.#maxFreezeMs * frozenShare) / 1000;
    return Math.min(mostFrozenBytes, Math.max(leastFrozenBytes, fitting));
  }
}
