/** What the open descriptors are called by whoever gave them to the engine: it knows numbers only. */

const names = new Map<number, string>();

/** Until it is forgotten, failures on `fd` are told by this name. */
export function nameDescriptor(fd: number, name: string): void {
  names.set(fd, name);
}

/** To be called before it is closed: the number is given away again at once. */
export function forgetDescriptor(fd: number): void {
  names.delete(fd);
}

export function nameOfDescriptor(fd: number): string | undefined {
  return names.get(fd);
}
