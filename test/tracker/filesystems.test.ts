/** Mounted file systems: after the last drain the replica is the volume, whatever the kernel wrote when. */

import path from 'node:path';
import { open, readFile } from 'node:fs/promises';
import test from 'ava';
import { execa } from 'execa';
import { fillWithGarbage } from '../support/garbage.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { populateTree } from '../support/tree.js';
import { differences, follow, imageSource, mebibyte, trackerOf } from './support.js';

/** Files made, overwritten, mapped, zeroed, punched, deleted; what is free is discarded. */
const script = `
cd "$1"
for round in 1 2 3; do
  mkdir "tree$round"; seed=$((round * 100))
  dd if=/dev/urandom of=direct bs=64K count=40 oflag=direct conv=notrunc status=none
  dd if=/dev/urandom of=synced bs=4K count=100 seek=$((round * 50)) oflag=dsync conv=notrunc status=none
  python3 -c 'import mmap, os, sys
file = os.open("mapped", os.O_RDWR | os.O_CREAT); os.ftruncate(file, 1 << 20)
window = mmap.mmap(file, 1 << 20)
for at in range(0, 1 << 20, 8192): window[at : at + 100] = os.urandom(100)
if int(sys.argv[1]) % 2: window.flush()' "$round"
  fallocate --length 4M zeroed; fallocate --zero-range --offset 1M --length 2M zeroed
  fallocate --punch-hole --offset 128K --length 1M direct
  cp direct "tree$round/"; sync --file-system .
  rm -rf "tree$((round - 1))"; fstrim .
done`;

for (const [name, ...mkfs] of [
  ['ext4', 'mkfs.ext4', '-q', '-E', 'nodiscard'],
  ['XFS', 'mkfs.xfs', '-q', '-K'],
  ['btrfs', 'mkfs.btrfs', '-q', '-K'],
] as const) {
  test.serial(name, async (t) => {
    const directory = await scratchDirectory(t);
    const sizeBytes = 320 * mebibyte;
    const image = await sparseFile(path.join(directory, 'image'), sizeBytes);
    await fillWithGarbage(image, sizeBytes);
    await execa(mkfs[0], [...mkfs.slice(1), image]);
    const device = await attachLoop(t, image);
    const replica = path.join(directory, 'replica');
    await execa('cp', [image, replica]);
    const { directory: mount, unmount } = await mounted(t, device, ['-o', 'discard']);

    const before = await sectorsWritten(device);
    const tracker = await trackerOf(t, device);
    // What the mount wrote before the tracker was there is not its matter.
    await execa('cp', [image, replica]);
    const work = (async () => {
      await populateTree(mount, 3, 8);
      await execa('bash', ['-euc', script, 'load', mount]);
      await unmount();
    })();
    await using source = await open(image);
    const { drains, drainedBytes } = await follow(t, tracker, imageSource(source), replica, work);
    t.is(await differences(image, replica), '');
    t.true(drains > 5, `${drains} drains`);
    const { writes, bytes } = await sectorsWritten(device);
    const mostBytes = 2 * (bytes - before.bytes + (writes - before.writes) * 2 * 65536);
    t.true(drainedBytes <= mostBytes, `${drainedBytes} drained of ${mostBytes} possible`);
    t.log(`${drains} drains, ${drainedBytes} bytes`);
  });
}

/** The kernel's own accounting (Documentation/admin-guide/iostats.rst): writes and discards. */
async function sectorsWritten(device: string) {
  const text = await readFile(`/sys/block/${path.basename(device)}/stat`, 'utf8');
  const fields = text.trim().split(/\s+/).map(Number);
  const field = (index: number) => fields[index] ?? NaN;
  return { writes: field(4) + field(11), bytes: (field(6) + field(13)) * 512 };
}
