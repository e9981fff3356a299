/** scripts/patient-apt.sh: apt is in use by somebody else, who comes to an end, or does not. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { scratchDirectory } from '../support/scratch.js';

const script = fileURLToPath(new URL('../../../scripts/patient-apt.sh', import.meta.url));

/** Takes a lock as apt and dpkg do (fcntl), says so, and has it until its input ends. */
const holder = `
import fcntl, sys
file = open(sys.argv[1], 'a')
fcntl.lockf(file, fcntl.LOCK_EX)
print('held', flush=True)
sys.stdin.read()
`;
import { firstOutput } from '../support/until.js';

/** A package system of its own, of which somebody has the lock; apt-get as the script calls it there. */
async function busyApt(t: ExecutionContext, lock: string) {
  const root = await scratchDirectory(t);
  for (const directory of ['lists/partial', 'archives/partial']) {
    await mkdir(path.join(root, directory), { recursive: true });
  }
  await writeFile(path.join(root, 'sources.list'), '');
  await writeFile(path.join(root, 'status'), '');
  const held = execa(...endingWithUs('python3', ['-c', holder, path.join(root, lock)]), {
    stdin: 'pipe',
    reject: false,
  });
  t.teardown(() => held.kill('SIGKILL'));
  await firstOutput(held);
  const places = {
    'Dir::Etc::SourceList': `${root}/sources.list`,
    'Dir::Etc::SourceParts': '-',
    'Dir::State': root,
    'Dir::State::status': `${root}/status`,
    'Dir::Cache': root,
  };
  const options = Object.entries(places).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (wait: number, ...words: readonly string[]) =>
    execa('bash', [script, ...options, ...words], {
      env: { FASTSYNC_APT_WAIT: String(wait) },
      reject: false,
    });
  return { apt, release: () => held.stdin.end() };
}

test('the lock of the lists: waited for, and taken when it is free', async (t) => {
  const { apt, release } = await busyApt(t, 'lists/lock');
  const update = apt(600, '-qq', 'update');
  await firstOutput(update, 'stderr');
  release();
  const { exitCode, stderr } = await update;
  t.is(exitCode, 0, stderr);
});

test('whoever never lets go: an error in the end, and who it is', async (t) => {
  const { apt } = await busyApt(t, 'lists/lock');
  const { exitCode, stderr } = await apt(3, '-qq', 'update');
  t.not(exitCode, 0);
  t.regex(stderr, /lock.*held by process \d+/s);
  t.regex(stderr, /patient-apt: "apt-get .*update" failed: see above$/);
});

test('what fails for another reason is not tried for ever', async (t) => {
  const { apt, release } = await busyApt(t, 'lists/lock');
  release();
  const { exitCode, stderr } = await apt(600, '-qq', 'install', 'there-is-no-such-package');
  t.not(exitCode, 0);
  t.regex(stderr, /Unable to locate package there-is-no-such-package/);
});
