/** The kernels to test under: fetched from Debian, unpacked, not installed. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** From the oldest that the tracker supports to the newest: see docs/tracking.md. */
export const lines: readonly string[] = ['6.1', '6.12', '7.2'];

export interface Kernel {
  /** "6.12" */
  readonly line: string;
  /** "6.12.117+deb13-amd64" */
  readonly version: string;
  /** The uncompressed image. */
  readonly image: string;
  /** For `modprobe --dirname`. */
  readonly directory: string;
  /** Where this version's modules lie. */
  readonly modules: string;
}

const fetcher = fileURLToPath(new URL('../../../scripts/fetch-kernels.sh', import.meta.url));

/** Fetches what is missing. Rejects if one cannot be had; why is on stderr then. */
export async function fetchKernels(wanted: readonly string[]): Promise<Kernel[]> {
  const { stdout: store } = await execa('bash', [fetcher, ...wanted], { stderr: 'inherit' });
  return Promise.all(
    wanted.map(async (line) => {
      const directory = path.join(store, line);
      const version = (await readFile(path.join(directory, 'version'), 'utf8')).trim();
      const modules = path.join(directory, 'lib/modules', version);
      return { line, version, directory, modules, image: path.join(directory, 'vmlinux') };
    }),
  );
}
