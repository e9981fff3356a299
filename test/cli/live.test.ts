/** fastsync live under a real load: every epoch's target is whole, and holds all that was fsynced. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { startLive } from '../support/following.js';
import { btrfsKind, proveWhole, startLoad } from '../support/fsync-load.js';
import { scratchDirectory } from '../support/scratch.js';
import { extKind, type Kind, mebibyte, xfsKind } from '../support/seeding.js';

const kinds: Readonly<Record<string, readonly [kind: Kind, mebibytes: number]>> = {
  ext4: [extKind('mkfs.ext4'), 192],
  'ext4 of 1 KiB blocks': [extKind('mkfs.ext4', '-b', '1024'), 96],
  xfs: [xfsKind(), 320],
  btrfs: [btrfsKind, 256],
};

for (const [name, [kind, mebibytes]] of Object.entries(kinds)) {
  test.serial(`every epoch of a busy ${name} is whole`, async (t) => {
    const load = await startLoad(t, kind, { sizeBytes: mebibytes * mebibyte, seed: 3 });
    await load.progress(20);
    const directory = await scratchDirectory(t);
    const target = path.join(directory, 'target.img');
    // A copy of the target as each epoch left it, and the moment that it is the state of.
    const snapshot =
      'cp --sparse=always "$FASTSYNC_TARGET" "$SNAPSHOTS/$FASTSYNC_EPOCH.img" && echo "$FASTSYNC_CONSISTENT_AT" > "$SNAPSHOTS/$FASTSYNC_EPOCH.at"';
    const run = startLive(t, directory, [
      ...['--src', load.device, '--dst', target, '--interval', '0.3s', '--after-epoch', snapshot],
    ]);
    await run.epoch(target, 4);
    await load.progress(10);
    const { exitCode, summary, stderr } = await run.stop();
    t.is(exitCode, 0, stderr);
    t.is(summary.outcome, 'done');
    await load.stop();

    const moments = (await readdir(directory)).filter((file) => file.endsWith('.at'));
    t.true(moments.length >= 4);
    for (const moment of moments) {
      const at = Date.parse((await readFile(path.join(directory, moment), 'utf8')).trim());
      const image = path.join(directory, moment.replace('.at', '.img'));
      await proveWhole(t, kind, load, image, at);
    }
  });
}
