/**
 * How much may be left to copy when writers have to wait for it: when to copy another round, when to
 * cut over, when to say that it does not converge. A seed cuts over once, and measures what is left; a
 * replica does so with every epoch, and learns.
 */

export type Decision = 'copy' | 'cutover' | 'give up';

/** What is left, held against how long writers may wait for it. */
export type Fit = 'comfortable' | 'bearable' | 'too much';

/** Whether another round may be copied, or there were enough and they no longer help. */
export type Rounds = 'more' | 'over';

/** What to do with what is left. */
export function decide(left: Fit, rounds: Rounds): Decision {
  if (left === 'comfortable') return 'cutover';
  if (rounds === 'more') return 'copy';
  return left === 'bearable' ? 'cutover' : 'give up';
}

/** What bounds the one cutover of a seed. */
export interface CutoverLimits {
  /** The longest that writers may wait. */
  readonly maxFreezeMs: number;
  readonly maxRounds: number;
  /** The most that is held in memory between thaw and target. */
  readonly bufferBytes: number;
}

/** What is known at the beginning of a round. */
export interface RoundReading {
  readonly dirtyBytes: number;
  /** How fast such ranges are read, measured on these very ones. */
  readonly bytesPerSecond: number;
}

/** A freeze this short is not worth another round. */
const comfortableMs = 30;
/** The part of the allowed time that the copy may be expected to take; the freeze call takes its own. */
const marginShare = 0.6;
/** Rounds have stalled when so many of them leave more than this of what they found. */
const shrinkShare = 0.8;
const stalledRounds = 2;

/** How long writers are expected to wait while so much is read. */
export function expectedFreezeMs({ dirtyBytes, bytesPerSecond }: RoundReading): number {
  return bytesPerSecond > 0 ? (dirtyBytes / bytesPerSecond) * 1000 : Infinity;
}

/**
 * What is left now, at the speed of the fastest of the last readings: they are taken while others write,
 * and in the freeze nobody writes. Undefined without any.
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

/** What a seed does next, by all readings so far, the newest last. */
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
/** Nobody should wait for more, however fast the disks are. */
export const mostFrozenBytes = 64 * 1024 * 1024;
/** The share of the longest freeze that copying should take, as measured before. */
const frozenShare = 0.1;
/** After so many rounds more than was aimed at is taken, where it does not become less: so much more. */
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

  /** What a replica does next. */
  decide(reading: EpochReading): Decision {
    return decide(this.#fitOf(reading), reading.rounds < patientRounds ? 'more' : 'over');
  }

  /** More than any freeze can do: what was written since the last look was too much. */
  isBeyond(bytes: number): boolean {
    return bytes > patience * this.#limitBytes;
  }

  /** Learns how fast copying is. Little says nothing of that. */
  measured(bytes: number, seconds: number): void {
    if (bytes >= leastFrozenBytes && seconds > 0) this.#bytesPerSecond = bytes / seconds;
  }

  /** A freeze has lasted. */
  kept(): void {
    this.#caution = 1;
  }

  /** A freeze took too long, or did not come about. Says whether the one before it did, too. */
  lost(): 'once' | 'again' {
    const which = this.#caution === 1 ? 'once' : 'again';
    this.#caution = Math.max(this.#caution / 2, leastCaution);
    return which;
  }

  /** However little was left, freezes took too long: it is the freezing itself. */
  get isExhausted(): boolean {
    return this.#caution <= leastCaution;
  }

  /** Before a first round of copying, hardly anything is left for the freeze. */
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
