/** Failures as messages for the user, with their exit codes. */

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
  /** What was found and where: one sentence without a full stop. */
  readonly message: string;
  /** What to do about it: one sentence without a full stop. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Every failure that a user can cause or encounter. Any other exception is a bug. */
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

/** Whether the process or the machine ran out of file descriptors. */
export function isOutOfFiles(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return syscall !== undefined && (code === 'EMFILE' || code === 'ENFILE');
}

/** `what`: the action that failed because no file descriptors were left. */
export function tooManyFiles(what: string, cause?: unknown): FastsyncError {
  return new FastsyncError({
    code: 'TOO_MANY_FILES',
    exitCode: exitCodes.incomplete,
    message: `${what}: too many files are open`,
    remedy: 'allow more with ulimit -n, or with LimitNOFILE= in the unit of a service',
    cause,
  });
}

/**
 * For `catch`: returns the value where the file does not exist. Throws where no file descriptors were
 * left, which must not pass for "does not exist".
 */
export function ifAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof FastsyncError) throw error;
    if (isOutOfFiles(error)) throw tooManyFiles('cannot examine the devices and mounts', error);
    return value;
  };
}
