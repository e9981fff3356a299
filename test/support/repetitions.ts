/** How often what depends on a random moment is tried: a sample, or with FASTSYNC_TEST_WHOLE=1 all of it. */

const isWhole = process.env.FASTSYNC_TEST_WHOLE === '1';

export function repetitions({ whole, sample }: { whole: number; sample: number }): number {
  return isWhole ? whole : sample;
}
