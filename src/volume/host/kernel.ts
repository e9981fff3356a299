/** What this kernel allows and was built with. */

import { access, readFile } from 'node:fs/promises';

/** True where lockdown(7) forbids reading the kernel's memory, as BPF programs do. */
export async function isLockedDown(): Promise<boolean> {
  const text = await readFile('/sys/kernel/security/lockdown', 'utf8').catch(() => '');
  return text.includes('[confidentiality]');
}

/** Where a kernel built with CONFIG_DEBUG_INFO_BTF describes its types. */
export const typeInformation = '/sys/kernel/btf/vmlinux';

export function hasTypeInformation(): Promise<boolean> {
  return access(typeInformation).then(
    () => true,
    () => false,
  );
}
