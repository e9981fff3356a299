/** A place that freezing writes, and that was found to say the same on both sides. */
export interface Trace {
  readonly start: number;
  readonly length: number;
}
