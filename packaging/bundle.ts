/** Bundles both programs into dist/program/, at build time: one file to open where there were hundreds. */

import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { packageRoot } from '../src/package-root.js';

const directory = path.join(packageRoot, 'dist/program');

/** Takes text-width.ts for string-width; cli-progress, which asks for an older one by require(), keeps it. */
const textWidth: Plugin = {
  name: 'text-width',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^string-width$/ }, ({ kind }) =>
      kind === 'import-statement'
        ? { path: path.join(packageRoot, 'packaging/text-width.ts') }
        : undefined,
    );
  },
};

await rm(directory, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: packageRoot,
  entryPoints: ['bin/fastsync.ts', 'bin/fastverify.ts'],
  outdir: directory,
  bundle: true,
  // What a command needs is loaded when that command runs.
  splitting: true,
  format: 'esm',
  // Node then asks no package.json how to load a program, and fails with 1 over one that is torn.
  outExtension: { '.js': '.mjs' },
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  plugins: [textWidth],
  logLevel: 'warning',
  // Some libraries are CommonJS, and ask for Node's own modules by require().
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
await writeFile(path.join(directory, 'LICENSES'), await licensesOf(metafile));
await copyFile(path.join(packageRoot, 'LICENSE'), path.join(directory, 'LICENSE'));

/** The licenses of every library of which there is code in the bundle: they ask to come along. */
async function licensesOf({ outputs }: Metafile): Promise<string> {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const libraries = new Set(
    inputs
      .map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
      .filter((folder) => folder !== undefined),
  );
  const texts: string[] = [];
  for (const folder of [...libraries].sort()) {
    const inside = path.join(packageRoot, folder);
    const manifest = await readFile(path.join(inside, 'package.json'), 'utf8');
    const { name, version, license } = JSON.parse(manifest) as Record<string, string>;
    const file = (await readdir(inside)).find((entry) => /^licen[cs]e/i.test(entry));
    if (name === undefined || license === undefined || file === undefined) {
      throw new Error(`${folder} comes without a license`);
    }
    const text = await readFile(path.join(inside, file), 'utf8');
    texts.push(`${name} ${version ?? ''} (${license})\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${'-'.repeat(78)}\n\n`);
}
