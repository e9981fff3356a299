/** The .deb, installed in bare Debians without a network, used, and purged. */

import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { deb, pathsBelow, seedAndProve, type Tree, unpackTree } from './support.js';

for (const release of ['bookworm', 'trixie']) {
  test(`${release}: installed, it seeds and proves, and has its manual, completion and units`, async (t) => {
    const tree = await unpackTree(t, release);
    await execa('cp', [deb, path.join(tree.directory, 'fastsync.deb')]);
    const before = await pathsBelow(tree.directory);
    const installed = await tree.run(['dpkg', '--install', '/fastsync.deb']);
    t.is(installed.exitCode, 0, installed.stderr);

    await seedAndProve(t, tree, (name) => name);
    const manual = await tree.run(['man', 'fastsync']);
    t.regex(manual.stdout, /^FASTSYNC\(8\)/, manual.stderr);
    t.regex((await tree.run(['man', 'fastsync.yaml'])).stdout, /FASTSYNC\.YAML\(5\)/i);
    t.deepEqual(await completed(tree), ['init']);
    const units = ['fastverify.timer', 'fastverify.service'].map(
      (name) => `/usr/lib/systemd/system/${name}`,
    );
    const verified = await tree.run(['systemd-analyze', 'verify', '--man=no', ...units]);
    t.is(verified.exitCode, 0, verified.stderr);
    const example = '/usr/share/doc/fastsync/examples/fastsync.yaml';
    const checked = await tree.run(['fastsync', 'config', 'check', '--config', example]);
    t.is(checked.exitCode, 0, checked.stderr);

    for (const image of ['a.img', 'b.img']) await execa('rm', [path.join(tree.directory, image)]);
    const purged = await tree.run(['dpkg', '--purge', 'fastsync']);
    t.is(purged.exitCode, 0, purged.stderr);
    const known = new Set(before);
    const after = await pathsBelow(tree.directory);
    t.deepEqual(
      after.filter((file) => !known.has(file)),
      [],
    );
    t.is(after.length, before.length);
  });
}

/** What bash makes of "fastsync ini" and a tab, with the script where bash-completion finds it. */
async function completed(tree: Tree): Promise<string[]> {
  const script = `
    . /usr/share/bash-completion/bash_completion
    _comp_load fastsync 2>/dev/null || __load_completion fastsync
    COMP_WORDS=(fastsync ini) COMP_CWORD=1 COMP_LINE='fastsync ini' COMP_POINT=12
    $(complete -p fastsync | sed -E 's/.*-F ([^ ]+).*/\\1/') fastsync ini fastsync
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await tree.run(['bash', '-c', script]);
  return stdout
    .split('\n')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

test('lintian finds nothing', async (t) => {
  const { all, exitCode } = await execa('lintian', ['--fail-on', 'error,warning', deb], {
    all: true,
    reject: false,
  });
  t.is(exitCode, 0, all);
  t.notRegex(all, /^[EW]:/m);
});

test('it depends on libc and nothing else', async (t) => {
  const { stdout } = await execa('dpkg-deb', ['--field', deb, 'Depends']);
  t.regex(stdout, /^libc6 \(>= [\d.]+\)$/);
});

test('a purge takes the units that "cron install" wrote, and leaves those of others', async (t) => {
  const tree = await unpackTree(t, 'bookworm');
  await execa('cp', [deb, path.join(tree.directory, 'fastsync.deb')]);
  await tree.run(['dpkg', '--install', '/fastsync.deb']);
  const config = '/usr/share/doc/fastsync/examples/fastsync.yaml';
  const written = await tree.run(['fastsync', 'cron', 'install', '--write', '--config', config]);
  t.is(written.exitCode, 0, written.stderr);
  const units = path.join(tree.directory, 'etc/systemd/system');
  await rename(path.join(units, 'fastverify.timer'), path.join(units, 'own.timer'));
  await writeFile(path.join(units, 'fastverify.timer'), '# by hand\n');
  await tree.run(['dpkg', '--purge', 'fastsync']);
  const left = (await pathsBelow(units)).filter((file) => file.startsWith('fastverify'));
  t.deepEqual(left, ['fastverify.timer']);
});
