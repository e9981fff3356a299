/** Why BPF cannot track the writes to a volume, as a sentence and a remedy. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { hasTypeInformation, isLockedDown, typeInformation } from '../../volume/index.js';

export function unsupported(message: string, remedy: string, cause?: unknown): FastsyncError {
  return new FastsyncError({
    code: 'TRACKER_UNSUPPORTED',
    exitCode: exitCodes.usage,
    message,
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The kernel's error on loading the tracker, as a sentence. */
export async function kernelError(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error;
  if (await isLockedDown()) {
    return unsupported(
      'kernel lockdown does not allow BPF programs to read kernel memory',
      'boot with lockdown=integrity, which is enough for Secure Boot',
      error,
    );
  }
  if (error.code === 'EPERM' || error.code === 'EACCES') {
    return unsupported(
      'this user may not load the write tracker into the kernel',
      'run as root, or with the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE',
      error,
    );
  }
  if (!(await hasTypeInformation())) {
    return unsupported(
      `this kernel has no type information (${typeInformation})`,
      'use a kernel built with CONFIG_DEBUG_INFO_BTF, as the kernels of all distributions are',
      error,
    );
  }
  if (error.code === 'ENOMEM') {
    return unsupported(
      'there is too little kernel memory for the dirty bitmap',
      'raise the granularity',
      error,
    );
  }
  return unsupported(
    `this kernel cannot load the write tracker (${String(error.syscall)}: ${String(error.code)})`,
    'use Linux 6.1 or newer',
    error,
  );
}
