/** Where the files of this package lie, from wherever its code runs: compiled file by file, or bundled. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json: the nearest one above this code. */
export const packageRoot = nearestPackage(path.dirname(fileURLToPath(import.meta.url)));

function nearestPackage(directory: string): string {
  if (existsSync(path.join(directory, 'package.json'))) return directory;
  const parent = path.dirname(directory);
  if (parent === directory) throw new Error('there is no package.json above the program');
  return nearestPackage(parent);
}

/** Where a program or library that was built from native/ may lie: packed, or built here. */
export function nativeFiles(name: string): readonly string[] {
  return [`native/prebuilds/linux-${process.arch}/${name}`, `native/build/Release/${name}`].map(
    (file) => path.join(packageRoot, file),
  );
}
