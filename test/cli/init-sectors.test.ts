/** `fastsync init` onto sectors of another size: refused where the kernel would not mount the copy, and only there. */

import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncJson } from '../support/fastsync.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

async function seedOnto(
  t: ExecutionContext,
  make: string,
  sectorBytes: number,
  more: string[] = [],
) {
  const directory = await scratchDirectory(t);
  const source = await sparseFile(path.join(directory, 'source.img'), 320 * mebibyte);
  await execa('bash', ['-c', make.replaceAll('$F', source)]);
  const file = await sparseFile(path.join(directory, 'target.img'), 320 * mebibyte);
  const target = await attachLoop(t, file, ['--sector-size', String(sectorBytes)]);
  const state = ['--state-dir', path.join(directory, 'state')];
  const { exitCode, summary, stderr } = await fastsyncJson([
    ...['init', '--src', source, '--dst', target, ...state],
    ...more,
  ]);
  return { exitCode, code: (summary.error as { code?: string } | undefined)?.code, stderr, target };
}

async function mounts(t: ExecutionContext, device: string): Promise<boolean> {
  return mounted(t, device).then(
    ({ unmount }) => unmount().then(() => true),
    () => false,
  );
}

for (const [name, make, fits] of [
  ['ext4 of 4 KiB blocks', 'mkfs.ext4 -q -F -b 4096 $F', true],
  ['ext4 of 1 KiB blocks', 'mkfs.ext4 -q -F -b 1024 $F', false],
  ['XFS of 512-byte sectors', 'mkfs.xfs -q -s size=512 $F', false],
  ['XFS of 4 KiB sectors', 'mkfs.xfs -q -s size=4096 $F', true],
  ['FAT of 512-byte sectors', 'mkfs.vfat -F 32 $F', false],
] as const) {
  test.serial(
    `${name} on sectors of 4 KiB: ${fits ? 'goes' : 'refused'}, as the kernel does`,
    async (t) => {
      const first = await seedOnto(t, make, 4096);
      t.is(first.exitCode, fits ? 0 : 4, first.stderr);
      if (fits) {
        t.true(await mounts(t, first.target));
        return;
      }
      t.is(first.code, 'SECTOR_SIZE');
      const forced = await seedOnto(t, make, 4096, ['--allow-sector-size']);
      t.is(forced.exitCode, 0, forced.stderr);
      t.false(await mounts(t, forced.target), 'the refusal was right');
    },
  );
}

test.serial('a partition table is not moved onto sectors of another size', async (t) => {
  for (const label of ['gpt', 'dos']) {
    const make = `sfdisk -q $F <<< $'label: ${label}\\nstart=2048, size=16MiB'`;
    const other = await seedOnto(t, make, 4096);
    t.deepEqual([other.exitCode, other.code], [4, 'SECTOR_SIZE'], other.stderr);
    t.is((await seedOnto(t, make, 512)).exitCode, 0);
  }
});
