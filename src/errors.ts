/** What goes wrong, in words for the person at the terminal, and the exit code that goes with it. */

/** The exit codes of every fastsync command: part of the interface, documented as a table. */
export const exitCodes = {
  done: 0,
  different: 1,
  usage: 2,
  incomplete: 3,
  refused: 4,
  interrupted: 5,
  remote: 6,
  locked: 7,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface FastsyncErrorOptions {
  /** Stable and greppable: "TARGET_MOUNTED". */
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What was found, where: one sentence without a full stop. */
  readonly message: string;
  /** What to do about it: one sentence without a full stop. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Every failure that a user can cause or meet. Anything else that is thrown is a bug. */
export class FastsyncError extends Error {
  override readonly name: string = 'FastsyncError';
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly remedy: string | undefined;

  constructor({ code, exitCode, message, remedy, cause }: FastsyncErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exitCode = exitCode;
    this.remedy = remedy;
  }
}
