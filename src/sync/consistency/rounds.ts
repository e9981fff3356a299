/** When to go another round, when to cut over, when to say that it will not converge. Pure: figures in, decision out. */

export interface RoundLimits {
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

export type Decision = 'copy' | 'cutover' | 'give up';

/** A freeze this short is not worth another round. */
const comfortableMs = 30;
/** The part of the allowed time that the copy may be expected to take; the freeze call takes its own. */
const marginShare = 0.6;
/** A round that leaves more than this of what it found is not getting anywhere. */
const shrinkShare = 0.8;
const stalledRounds = 2;

/** How long writers are expected to wait while so much is read. */
export function expectedFreezeMs({ dirtyBytes, bytesPerSecond }: RoundReading): number {
  return bytesPerSecond > 0 ? (dirtyBytes / bytesPerSecond) * 1000 : Infinity;
}

/**
 * What is left now, at the speed of the fastest of the last readings: they are taken beside the writers, and
 * in the freeze nobody is beside. Undefined without any.
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

/** What to do next, by all readings so far, the newest last. */
export function decide(readings: readonly RoundReading[], limits: RoundLimits): Decision {
  const last = likelyReading(readings);
  if (last === undefined) return 'copy';
  const expectedMs = expectedFreezeMs(last);
  const fits =
    expectedMs <= limits.maxFreezeMs * marginShare && last.dirtyBytes <= limits.bufferBytes;
  if (fits && expectedMs <= comfortableMs) return 'cutover';
  const isOver = readings.length > limits.maxRounds || hasStalled(readings);
  if (!isOver) return 'copy';
  return fits ? 'cutover' : 'give up';
}

function hasStalled(readings: readonly RoundReading[]): boolean {
  if (readings.length <= stalledRounds) return false;
  return readings.slice(-stalledRounds).every(({ dirtyBytes }, index) => {
    const before = readings[readings.length - stalledRounds + index - 1];
    return before !== undefined && dirtyBytes > before.dirtyBytes * shrinkShare;
  });
}
