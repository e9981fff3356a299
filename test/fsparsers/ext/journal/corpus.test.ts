/**
 * Other people's images with journals, whole and damaged: our verdict against the kernel's, our
 * blocks against the kernel's and debugfs's. e2fsck does not stop at the journal in these: it also
 * deletes orphans, and writes the bitmaps of groups that never had any.
 */

import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { ParseError } from '../../../../fsparsers/errors.js';
import { corpusImages } from '../../../support/corpus.js';
import {
  debugfsReplay,
  differencesInReplay,
  hasOrphans,
  kernelReplay,
  ourReplay,
} from '../../../support/ext-journal.js';
import { scratchDirectory } from '../../../support/scratch.js';

/**
 * Images in which we follow the journal although this kernel does not, with the reason. No tool
 * replays these and leaves it at that, so there is nothing to compare blocks with.
 */
const kernelRefuses: Readonly<Record<string, string>> = {
  'f_journal.img': 'its journal is found by the copy of its inode, which the kernel never reads',
  'j_recover_fast_commit.img': 'its fast commits make the kernel refuse a change during replay',
};

test('journals in the corpus', async (t) => {
  const images = await corpusImages(t, ({ fs }) => ['ext2', 'ext3', 'ext4'].includes(fs));
  const directory = await scratchDirectory(t);
  const counts: Record<string, number> = {};
  for (const { name, path: original } of images) {
    const ours = await ourReplay(original).catch((error: unknown) => {
      if (error instanceof ParseError) return null;
      throw error;
    });
    // The superblock itself is past reading: no matter of the journal.
    if (ours === null) continue;
    const { state, detail } = ours.outcome;
    counts[state] = (counts[state] ?? 0) + 1;
    if (state === 'clean' || state === 'external') continue;
    t.log(`${name}: ${state}: ${detail}`);
    const copy = path.join(directory, name);
    await copyFile(original, copy);
    const byKernel = await kernelReplay(t, copy);
    if (state === 'unfollowable' || name in kernelRefuses) {
      t.is(byKernel, null, `the kernel follows the journal of ${name}`);
      continue;
    }
    if (byKernel === null) {
      t.fail(`the kernel refuses ${name}`);
      continue;
    }
    await copyFile(original, copy);
    t.deepEqual(differencesInReplay(ours, await debugfsReplay(copy), 'debugfs'), [], name);
    if (hasOrphans(ours.after)) continue;
    t.deepEqual(differencesInReplay(ours, byKernel, 'kernel'), [], name);
  }
  t.log(JSON.stringify(counts));
  t.pass();
});
