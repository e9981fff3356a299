/** Finds the files of this package, wherever its code runs: compiled file by file, or bundled. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of the nearest package.json above this code. */
export const packageRoot = nearestPackage(path.dirname(fileURLToPath(import.meta.url)));

function nearestPackage(directory: string): string {
  if (existsSync(path.join(directory, 'package.json'))) return directory;
  const parent = path.dirname(directory);
  if (parent === directory) throw new Error('there is no package.json above the program');
  return nearestPackage(parent);
}

/** Where a program or library built from native/ may be: packaged, or built here. */
export function nativeFiles(name: string): readonly string[] {
  return [`native/prebuilds/linux-${process.arch}/${name}`, `native/build/Release/${name}`].map(
    (file) => path.join(packageRoot, file),
  );
}
