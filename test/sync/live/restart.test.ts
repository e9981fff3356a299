/** What happened while nobody followed: writes to the source, its growth, a target that others wrote to. */

import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { prepareLive, recover } from '../../../src/sync/index.js';
import { commitEpoch, ext4, followed, tear } from '../../support/followed.js';
import { follow, followPlaces } from '../../support/live-run.js';
import { mounted } from '../../support/scratch.js';
import { mebibyte, proveSame, xfsKind } from '../../support/seeding.js';

const xfsBytes = 320 * mebibyte;

test.serial(
  'what was written after a run was killed in the middle of an epoch comes too',
  async (t) => {
    const pair = await followed(t);
    const { directory, device, mount, write, target } = pair;
    await tear(pair);
    await write('unseen', 2 * mebibyte);
    const { epoch } = await follow(directory, device, target, async ({ epoch: reached }) => {
      if (reached > 1000) return true;
      await write('seen', mebibyte);
      return false;
    });
    t.true(epoch > 1000);
    await mount.unmount();
    await proveSame(t, ext4, device, target);
  },
);

test.serial('a source that grows is followed no further', async (t) => {
  const { directory, image, device, mount, write, target } = await followed(t, xfsKind(), xfsBytes);
  const steps = [
    async () => {
      await truncate(image, 2 * xfsBytes);
      await execa('losetup', ['--set-capacity', device]);
    },
    async () => {
      await execa('xfs_growfs', [mount.directory]);
      await write('behind', mebibyte);
    },
  ];
  const following = follow(directory, device, target, async () => {
    const step = steps.shift();
    await step?.();
    // What calls itself whole after both lacks what lies behind the end that it had.
    return step === undefined;
  });
  await t.throwsAsync(following, { code: 'SOURCE_RESIZED' });
});

test.serial('a replica that was used by itself is not overwritten without a word', async (t) => {
  const { directory, device, target } = await followed(t);
  const request = { ...followPlaces(directory), source: device, targets: [target] };
  const codes = async () => {
    await using prepared = await prepareLive({ ...request, overrides: new Set<never>() });
    return prepared.refusals.map(({ code }) => code);
  };
  t.deepEqual(await codes(), []);
  const used = await mounted(t, target, ['-o', 'loop']);
  await writeFile(path.join(used.directory, 'only here'), 'x', { flush: true });
  await used.unmount();
  t.deepEqual(await codes(), ['TARGET_HAS_DATA']);
});

test.serial('a journal that was left elsewhere is not applied onto a later epoch', async (t) => {
  const pair = await followed(t);
  const { directory, device, mount, write, target } = pair;
  // Killed when its journal was complete and its target untouched.
  await commitEpoch(pair, 2);
  await write('later', 2 * mebibyte);
  const elsewhere = { journalDirectory: path.join(directory, 'elsewhere') };
  const more = async ({ epoch }: { readonly epoch: number }) => {
    await write(`epoch ${epoch}`, mebibyte);
    return epoch >= 4;
  };
  const later = await follow(directory, device, target, more, elsewhere);
  const epochs: number[] = [];
  await follow(directory, device, target, ({ epoch }) => epochs.push(epoch) > 0);
  t.deepEqual(epochs, [later.epoch + 1]);
  await mount.unmount();
});

test.serial("a journal is not applied onto another run's unfinished copy", async (t) => {
  const pair = await followed(t);
  const { stateDirectory } = followPlaces(pair.directory);
  await tear(pair, 'another run');
  await t.throwsAsync(recover(pair.target, stateDirectory), { code: 'TARGET_UNFINISHED' });
  await tear(pair);
  t.true((await recover(pair.target, stateDirectory)).applied);
});
