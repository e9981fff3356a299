/** When the pairs are checked, and how. */

export interface Schedule {
  /** The words of the command: absolute paths first of all. */
  readonly command: readonly [program: string, ...words: string[]];
  readonly configPath: string;
  /** systemd.time(7), calendar event: "*-*-* 02:30". */
  readonly calendar: string;
  /** At most so long after it, by chance: hosts that share a disk array do not all begin at once. */
  readonly randomDelaySeconds: number;
  /** Give way to whoever else wants the disks. */
  readonly idle: boolean;
}
