/** Clusters that $BadClus lists: reading them fails for ever, so nobody reads them, and the replica is whole. */

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fileWithBadSectors } from '../engine/nbd.js';
import { fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { fillWithGarbage } from '../support/garbage.js';
import { randomFrom } from '../support/random.js';
import { attachLoop, scratchDirectory } from '../support/scratch.js';
import { decodeRuns, encodeRuns, NtfsImage, type Run } from '../fsparsers/ntfs/edit.js';
import { makeNtfs, mebibyte, whileMounted } from '../fsparsers/ntfs/support.js';

const badClustersRecord = 8;

/** Lists clusters in $BadClus:$Bad, which mkntfs leaves as one hole, and in $Bitmap, as chkdsk /r does. */
function listAsBad(volume: NtfsImage, bad: readonly { lcn: number; count: number }[]): void {
  const attributes = volume.attributes(badClustersRecord);
  const old = attributes.find(
    (attribute) => attribute.readUInt8(8) === 1 && attribute.readUInt8(9) === 4,
  );
  if (old === undefined) throw new Error('Expected a stream $Bad in clusters');
  const [whole] = decodeRuns(old);
  const runs: Run[] = [];
  let end = 0;
  for (const run of bad) {
    runs.push({ lcn: null, count: run.lcn - end }, run);
    end = run.lcn + run.count;
    for (let cluster = run.lcn; cluster < end; cluster++) volume.setUsed(cluster, true);
  }
  runs.push({ lcn: null, count: (whole?.count ?? 0) - end });
  const pairsAt = old.readUInt16LE(32);
  const pairs = encodeRuns(runs);
  const attribute = Buffer.alloc((pairsAt + pairs.length + 7) & ~7);
  old.copy(attribute, 0, 0, pairsAt);
  pairs.copy(attribute, pairsAt);
  attribute.writeUInt32LE(attribute.length, 4);
  volume.setAttributes(
    badClustersRecord,
    attributes.map((other) => (other === old ? attribute : other)),
  );
}

interface BadDisk {
  readonly directory: string;
  /** All of it can be read. */
  readonly backing: string;
  /** The same on a disk where the bad clusters give EIO. */
  readonly disk: string;
  readonly badBytes: number;
}

/** A volume with bad clusters close to what is in use; `isListed`: the file system knows of them. */
async function badDisk(
  t: ExecutionContext,
  clusterBytes: number,
  isListed: boolean,
): Promise<BadDisk> {
  const directory = await scratchDirectory(t);
  const image = await makeNtfs(t, 24 * mebibyte, ['--cluster-size', String(clusterBytes)]);
  const random = randomFrom(5);
  await whileMounted(t, image, async (mount) => {
    for (let index = 0; index < 20; index++) {
      await writeFile(path.join(mount, `file ${index}`), random.bytes(30_001));
    }
  });
  const volume = new NtfsImage(await readFile(image));
  // Free clusters with used ones right before them: no rounding and no joining may reach them.
  const clusterCount = Math.floor(volume.bytes.length / clusterBytes) - 1;
  const bad: { lcn: number; count: number }[] = [];
  // Behind the places where signatures of other kinds are looked for.
  const firstLcn = (512 * 1024) / clusterBytes;
  for (let lcn = firstLcn; lcn < clusterCount - 3 && bad.length < 3; lcn++) {
    if (!volume.isUsed(lcn - 1) || volume.isUsed(lcn) || volume.isUsed(lcn + 1)) continue;
    // What lies behind them is used as well, so that the gap is one to be read over.
    bad.push({ lcn, count: 1 });
    volume.setUsed(lcn + 1, true);
  }
  if (isListed) listAsBad(volume, bad);
  else for (const { lcn } of bad) volume.setUsed(lcn, true);
  await writeFile(image, volume.bytes);
  const ranges = bad.map(({ lcn, count }) => [lcn * clusterBytes, count * clusterBytes] as const);
  const file = await fileWithBadSectors(t, image, volume.bytes.length, ranges);
  // A file is read by pages; only a disk that is read directly tells sectors apart.
  const disk =
    clusterBytes < 4096 ? await attachLoop(t, file, ['--read-only', '--direct-io=on']) : file;
  return { directory, backing: image, disk, badBytes: bad.length * clusterBytes };
}

async function sums(t: ExecutionContext, image: string): Promise<string> {
  let text = '';
  // A driver that mounts it writes to it.
  const copy = path.join(await scratchDirectory(t), 'copy.img');
  await copyFile(image, copy);
  await whileMounted(t, copy, async (directory) => {
    const list = 'cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum';
    text = (await execa('bash', ['-c', list, 'sums', directory])).stdout;
  });
  return text;
}

for (const clusterBytes of [512, 4096]) {
  test.serial(`clusters of ${clusterBytes} bytes that $BadClus lists are left out`, async (t) => {
    const { directory, backing, disk, badBytes } = await badDisk(t, clusterBytes, true);
    const listed = await execa('ntfscluster', ['--force', '--inode', '8', backing]);
    t.regex(listed.stdout, /\$Bad/i, 'the ntfsprogs see the list');
    const target = path.join(directory, 'target.img');
    await copyFile(backing, target);
    await fillWithGarbage(target, 24 * mebibyte);
    const state = ['--state-dir', path.join(directory, 'state')];
    const words = ['--src', disk, '--dst', target, ...state];

    for (const free of ['skip', 'zero']) {
      const seeded = await fastsyncJson(['init', ...words, '--yes', '--free', free]);
      t.is(seeded.exitCode, 0, seeded.stderr);
      const note = seeded.lines.find(({ code }) => code === 'BAD_BLOCKS_LEFT_OUT');
      t.regex(String(note?.message), new RegExp(`\\$BadClus lists ${badBytes} bytes`));
    }
    t.is(await sums(t, target), await sums(t, backing));

    const verified = await fastverifyJson(words);
    t.is(verified.exitCode, 0, verified.stderr);
    const manifest = path.join(directory, 'manifest');
    const written = await fastverifyJson(['--src', disk, '--write-manifest', manifest, ...state]);
    t.is(written.exitCode, 0, written.stderr);
    const checked = await fastverifyJson(['--src', target, '--manifest', manifest, ...state]);
    t.is(checked.exitCode, 0, checked.stderr);
    const { stdout } = await fastsync(['map', disk, '--format', 'json']);
    t.is((JSON.parse(String(stdout)) as { badBytes: number }).badBytes, badBytes);

    // Free space too, but not what nobody can read.
    await copyFile(backing, target);
    const all = await fastverifyJson([...words, '--free', 'verify']);
    t.is(all.exitCode, 0, all.stderr);
  });
}

test.serial('the same clusters end the copy with 3 where nobody has listed them', async (t) => {
  const { directory, disk } = await badDisk(t, 4096, false);
  const target = path.join(directory, 'target.img');
  const state = ['--state-dir', path.join(directory, 'state')];
  const { exitCode } = await fastsyncJson(['init', '--src', disk, '--dst', target, ...state]);
  t.is(exitCode, 3);
});
