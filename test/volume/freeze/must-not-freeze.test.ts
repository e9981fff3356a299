/** A file system that this run writes to itself is not frozen: the run would wait for itself. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { FastsyncError } from '../../../src/errors.js';
import { freeze, type VolumeIdentity } from '../../../src/volume/index.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../../support/scratch.js';
import { assertWritable, kindNames, mountedKind } from './freezing.js';
import { mebibyte } from '../support.js';

async function refused(
  t: ExecutionContext,
  volume: VolumeIdentity,
  mustNotFreeze: string,
): Promise<void> {
  const error = await t.throwsAsync(freeze({ volume, mustNotFreeze: [mustNotFreeze] }), {
    instanceOf: FastsyncError,
  });
  t.is(error.code, 'FREEZE_OWN_STATE', mustNotFreeze);
  t.is(error.exitCode, 4);
  t.true(error.message.includes(mustNotFreeze), error.message);
}

for (const kind of kindNames) {
  test(`${kind}: no directory or file on it, there or still to be made`, async (t) => {
    const { directory, volume } = await mountedKind(t, kind);
    await mkdir(path.join(directory, 'state'));
    await writeFile(path.join(directory, 'log'), '');
    for (const name of ['', 'state', 'log', 'state/a/b/c', 'target.img']) {
      await refused(t, volume, path.join(directory, name));
    }
    const bind = await mounted(t, path.join(directory, 'state'), ['--bind']);
    await refused(t, volume, path.join(bind.directory, 'new'));
    await bind.unmount();
    await assertWritable(t, directory);
  });
}

test('nothing that stands on a file of it, however far', async (t) => {
  const { directory, volume } = await mountedKind(t, 'ext4');
  const image = await sparseFile(path.join(directory, 'target.img'), 64 * mebibyte);
  await execa('mkfs.ext4', ['-q', image]);
  const target = await attachLoop(t, image);
  await refused(t, volume, target);
  const above = await mounted(t, target);
  await refused(t, volume, path.join(above.directory, 'state'));
  const inner = await sparseFile(path.join(above.directory, 'inner.img'), 16 * mebibyte);
  await refused(t, volume, await attachLoop(t, inner));
});

test('what lies beside or below it may be written', async (t) => {
  const { directory, volume, image, device } = await mountedKind(t, 'ext4');
  const other = await mountedKind(t, 'xfs');
  const mustNotFreeze = [
    `${image}.log`,
    path.dirname(image),
    other.directory,
    other.device,
    '/run/x',
    '/dev',
  ];
  const frozen = await freeze({ volume, maxFreezeMs: 60_000, mustNotFreeze });
  await frozen.thaw();
  await refused(t, volume, device);
  await refused(t, volume, directory);
});

const module = JSON.stringify(new URL('../../../src/volume/index.js', import.meta.url).href);

/** What a process hears that wants to freeze the device, with its output where `redirection` sends it. */
async function answerTo(
  t: ExecutionContext,
  device: string,
  { cwd = '/', env = {}, redirection = '' },
): Promise<string> {
  const answer = path.join(await scratchDirectory(t), 'answer');
  const script = `
    import { writeFileSync } from 'node:fs';
    import { freeze, identifyVolume } from ${module};
    const [device, answer] = process.argv.slice(1);
    const volume = await identifyVolume(device);
    const asked = freeze({ volume, mustNotFreeze: [] });
    const word = await asked.then((frozen) => frozen.thaw(), (error) => error.message);
    writeFileSync(answer, typeof word === 'string' ? word : 'frozen');
  `;
  const words = [process.execPath, '--input-type=module', '-e', script, device, answer];
  await execa('bash', ['-c', `"$0" "$@" ${redirection}`, ...words], { cwd, env });
  return readFile(answer, 'utf8');
}

test('a run whose directory, output or temporary files are there does not freeze it', async (t) => {
  const { device, directory } = await mountedKind(t, 'ext4');
  const elsewhere = await scratchDirectory(t);
  for (const [circumstances, answer] of [
    [{ cwd: directory }, /the working directory .* lies on it/],
    [{ env: { TMPDIR: directory } }, /temporary files .* lies on it/],
    [{ redirection: `> ${directory}/output` }, /standard output .* lies on it/],
    [{ redirection: `2> ${directory}/output` }, /standard error .* lies on it/],
    [{ cwd: elsewhere, redirection: `> ${elsewhere}/output` }, /^frozen$/],
  ] as const) {
    t.regex(await answerTo(t, device, circumstances), answer);
  }
  await assertWritable(t, directory);
});
