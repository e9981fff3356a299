/** The probe against blkid on every image of the corpus: by others, damaged ones included. */

import test from 'ava';
import { execa } from 'execa';
import { probe } from '../../fsparsers/probe.js';
import { openVolume } from '../../src/volume/index.js';
import { corpusImages } from '../support/corpus.js';

/** Where blkid has no word for it, because the image is smaller than its probe's minimum. */
const unknownToBlkid: Readonly<Record<string, string>> = {
  'blkid_ocfs2.img': 'ocfs2',
  'blkid_romfs.img': 'romfs',
  'blkid_zfs.img': 'zfs_member',
};

async function typeByBlkid(file: string): Promise<string | null> {
  const { stdout } = await execa(
    'blkid',
    ['--probe', '--match-tag', 'TYPE', '--output', 'value', file],
    { reject: false },
  );
  return stdout === '' ? null : stdout;
}

test('every image is what blkid says, and nothing else is plausible beside it', async (t) => {
  for (const image of await corpusImages(t, () => true)) {
    await using volume = await openVolume(image.path);
    const signatures = await probe(volume.reader);
    const expected = unknownToBlkid[image.name] ?? (await typeByBlkid(image.path));
    const plausible = signatures.filter(({ doubt }) => doubt === null).map(({ type }) => type);
    // A damaged one may be doubtful; it must not be taken for anything else.
    const isDoubted = plausible.length === 0 && image.status !== 'clean';
    if (isDoubted) {
      if (expected !== null) {
        t.true(
          signatures.some(({ type }) => type === expected),
          `${image.name}: ${expected}`,
        );
      }
    } else {
      t.deepEqual(plausible, [expected], image.name);
    }
  }
  t.pass();
});
