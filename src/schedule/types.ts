/** When the pairs are checked, and how. */

export interface Schedule {
  /** The words of the command, beginning with absolute paths. */
  readonly command: readonly [program: string, ...words: string[]];
  readonly configPath: string;
  /** systemd.time(7), calendar event: "*-*-* 02:30". */
  readonly calendar: string;
  /** The largest random delay, so that hosts that share a disk array do not all start at once. */
  readonly randomDelaySeconds: number;
  /** Use the idle I/O class. */
  readonly idle: boolean;
}
