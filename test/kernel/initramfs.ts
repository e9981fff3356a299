/** What a guest starts with: busybox, init.sh, and the modules without which it has no root. */

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Kernel } from './kernels.js';

const wanted = ['virtio_pci', 'virtio_blk', 'virtio_rng', '9p', '9pnet_virtio', 'overlay'];
const init = fileURLToPath(new URL('../../../test/kernel/init.sh', import.meta.url));
const unpackers: Record<string, readonly [string, ...string[]]> = {
  '.xz': ['xz', '-dc'],
  '.zst': ['zstd', '-dcq'],
  '.ko': ['cat'],
};

/** Makes it in `scratch`, an empty directory, and gives its path. */
export async function makeInitramfs(kernel: Kernel, scratch: string): Promise<string> {
  const tree = path.join(scratch, 'tree');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'modules']) {
    await mkdir(path.join(tree, name), { recursive: true });
  }
  await copyFile('/bin/busybox', path.join(tree, 'bin/busybox'));
  await copyFile(init, path.join(tree, 'init'));
  const order: string[] = [];
  for (const file of await moduleFiles(kernel)) {
    const [unpack, ...options] = unpackers[path.extname(file)] ?? ['cat'];
    const name = path.basename(file).replace(/\.ko.*$/, '.ko');
    await execa(unpack, [...options, file], { stdout: { file: path.join(tree, 'modules', name) } });
    order.push(`${name}\n`);
  }
  await writeFile(path.join(tree, 'modules/order'), order.join(''));
  await execa('chmod', ['+x', path.join(tree, 'init'), path.join(tree, 'bin/busybox')]);
  const archive = path.join(scratch, 'initramfs');
  const pack = 'find . | busybox cpio -o -H newc 2>/dev/null >"$1"';
  await execa('bash', ['-euo', 'pipefail', '-c', pack, 'pack', archive], { cwd: tree });
  return archive;
}

/** Each with what it needs, what is needed first. */
async function moduleFiles({ directory, version }: Kernel): Promise<string[]> {
  const options = ['--dirname', directory, '--set-version', version, '--show-depends'];
  const files = new Set<string>();
  for (const name of wanted) {
    // "insmod PATH", or "builtin NAME".
    const { stdout } = await execa('modprobe', [...options, name]);
    for (const [, file = ''] of stdout.matchAll(/^insmod (\S+)/gm)) files.add(file);
  }
  return [...files];
}
