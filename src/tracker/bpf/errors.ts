/** Why a volume's writes cannot be tracked, as a sentence and a remedy. */

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

/** What the kernel answered when the tracker was to be loaded, in words. */
export async function kernelError(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error;
  if (await isLockedDown()) {
    return unsupported(
      'kernel lockdown forbids to look into the kernel',
      'boot with lockdown=integrity, which Secure Boot is content with',
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
      'use a kernel that was built with CONFIG_DEBUG_INFO_BTF, as those of all distributions are',
      error,
    );
  }
  if (error.code === 'ENOMEM') {
    return unsupported('there is too little memory for the marks', 'raise the granularity', error);
  }
  return unsupported(
    `this kernel does not take the write tracker (${String(error.syscall)}: ${String(error.code)})`,
    'use Linux 6.1 or newer',
    error,
  );
}
