/** The names of open descriptors, for messages: the engine knows only numbers. */

const names = new Map<number, string>();

/** Until forget() is called, messages about failures on `fd` use this name. */
export function nameDescriptor(fd: number, name: string): void {
  names.set(fd, name);
}

/** Call it before closing the descriptor: the system reuses the number at once. */
export function forgetDescriptor(fd: number): void {
  names.delete(fd);
}

export function nameOfDescriptor(fd: number): string | undefined {
  return names.get(fd);
}
