/** The power fails while an epoch is written to its target: at every sector, the journal makes it whole. */

import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { recover } from '../../../src/sync/index.js';
import { applyEpoch } from '../../../src/sync/live/apply.js';
import { sectorDigests } from '../../../src/sync/target-header/index.js';
import { Journal } from '../../../src/sync/live/journal.js';
import { pairKey } from '../../../src/sync/live/replica-file.js';
import { identifyVolume, openVolume } from '../../../src/volume/index.js';
import { nbdFile } from '../../engine/nbd.js';
import { follow, followPlaces } from '../../support/live-run.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { mebibyte } from '../../support/seeding.js';

const sizeBytes = 16 * mebibyte;
const sectorBytes = 512;
const plenty = 1_000_000;

/** A disk that writes so many more sectors, in order, and then nothing: what a write has left is lost. */
async function failingDisk(t: Parameters<typeof nbdFile>[0]) {
  const directory = await scratchDirectory(t);
  const backing = await sparseFile(path.join(directory, 'disk.img'), sizeBytes);
  const budget = path.join(directory, 'budget');
  const allow = (sectors: number) => writeFile(budget, String(sectors));
  await allow(plenty);
  const write = [
    `left=$(cat ${budget}); n=$(($3 / ${sectorBytes})); [ $n -le $left ] || n=$left`,
    `dd of=${backing} bs=${sectorBytes} count=$n seek=$(($4 / ${sectorBytes})) iflag=fullblock conv=notrunc status=none`,
    `cat >/dev/null; echo $((left - n)) >${budget}`,
    `[ $n -eq $(($3 / ${sectorBytes})) ] || { echo EIO >&2; exit 1; }`,
  ];
  const flags = 'iflag=skip_bytes,count_bytes';
  const file = await nbdFile(t, [
    ...['eval', `get_size=echo ${sizeBytes}`, 'thread_model=echo serialize_all_requests'],
    ...['can_write=exit 0', 'can_flush=exit 0', 'flush=exit 0', `pwrite=${write.join('\n')}`],
    `pread=dd if=${backing} ${flags} skip=$4 count=$3 bs=64K status=none`,
  ]);
  const used = async () => plenty - Number(await readFile(budget, 'utf8'));
  return { file, allow, used };
}

test.serial('the target is whole after a power failure at whichever sector', async (t) => {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), sizeBytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const device = await attachLoop(t, image);
  const mount = await mounted(t, device);
  const disk = await failingDisk(t);
  await follow(directory, device, disk.file, () => true);
  await writeFile(path.join(mount.directory, 'file'), 'x', { flush: true });
  await mount.unmount();

  const { stateDirectory, journalDirectory } = followPlaces(directory);
  const source = await identifyVolume(device);
  const target = await identifyVolume(disk.file);
  const key = pairKey(source.stableId, target.stableId);
  let epoch = 1000;
  /** A new epoch is written, and the power fails after so many sectors. */
  const cut = async (sectors: number) => {
    await using from = await openVolume(device);
    await using journal = await Journal.open(journalDirectory, key, sizeBytes);
    await journal.stage(from.endpoint, Float64Array.of(0, mebibyte), {}, {});
    await using before = await openVolume(disk.file);
    const record = await journal.commit({
      runId: `run ${epoch}`,
      source: source.stableId,
      sourcePath: device,
      target: target.stableId,
      epoch: epoch++,
      frozenAt: Date.now(),
      before: await sectorDigests(before.reader),
    });
    await disk.allow(sectors);
    try {
      await using volume = await openVolume(disk.file, { write: true });
      await applyEpoch(journal, record, volume, {}).catch(() => undefined);
    } finally {
      if (sectors !== plenty) await disk.allow(plenty);
    }
  };
  await cut(plenty);
  const all = await disk.used();
  t.true(all > 256, `${all} sectors`);
  await recover(disk.file, stateDirectory);
  const places = [
    0,
    1,
    2,
    7,
    8,
    9,
    100,
    255,
    256,
    264,
    ...[9, 8, 7, 6, 5, 3, 2, 1].map((n) => all - n),
  ];
  for (const sectors of places) {
    await cut(sectors);
    // What the dying disk did not take, the page cache of a machine that is gone does not give either.
    await forget(disk.file);
    // As soon as data may have changed, nothing is there that could be mounted by mistake.
    const isAmid = sectors > 8 && sectors < all - 8;
    if (isAmid) t.is((await execa('blkid', ['-p', disk.file], { reject: false })).exitCode, 2);
    const { applied } = await recover(disk.file, stateDirectory);
    t.true(applied, `${sectors} sectors`);
    const [left, right] = await Promise.all([device, disk.file].map((file) => beginning(file)));
    t.true(left?.equals(right as Buffer), `${sectors} sectors`);
  }
});

async function beginning(file: string): Promise<Buffer> {
  await using handle = await open(file, 'r');
  const { buffer } = await handle.read(Buffer.alloc(mebibyte), 0, mebibyte, 0);
  return buffer;
}

async function forget(file: string): Promise<void> {
  await execa('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0']);
}
