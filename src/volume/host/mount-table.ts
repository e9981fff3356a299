/** The lines of proc_pid_mountinfo(5): what is mounted where, without accessing any of it. */

export interface MountLine {
  readonly id: number;
  readonly device: string;
  readonly directory: string;
  /** Of this mount: "rw,nosuid,nodev". */
  readonly options: string;
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: string;
}

/** Decodes blanks and the like, which are written as octal numbers. */
export function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function parseLine(line: string): MountLine | null {
  const [before = '', after = ''] = line.split(' - ');
  const [id, , device, , directory, options = ''] = before.split(' ');
  const [fsType, source, superOptions] = after.split(' ');
  if (device === undefined || directory === undefined || fsType === undefined) return null;
  return {
    id: Number(id),
    device,
    directory: unescape(directory),
    options,
    fsType,
    source: unescape(source ?? ''),
    superOptions: unescape(superOptions ?? ''),
  };
}

/** The mounts of one namespace, in the order in which they were mounted. */
export function parseMountTable(text: string): readonly MountLine[] {
  return text
    .split('\n')
    .map(parseLine)
    .filter((line) => line !== null);
}

/** The mount that a path without links lies on, or is the root of; the last of several on one directory. */
export function mountOf<M extends Pick<MountLine, 'directory'>>(
  path: string,
  table: readonly M[],
): M | null {
  let best: M | null = null;
  for (const mount of table) {
    const isLonger = best === null || mount.directory.length >= best.directory.length;
    if (isLonger && isBelow(path, mount.directory)) best = mount;
  }
  return best;
}

function isBelow(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}
