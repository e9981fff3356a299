/** fastverify --online on mounted file systems: what is equal, what differs, what never settles. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { fastsyncJson } from '../support/fastsync.js';
import { fastverify, fastverifyJson } from '../support/fastverify.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { populateTree } from '../support/tree.js';

const mebibyte = 1024 ** 2;
const bytes = 320 * mebibyte;

interface Scene {
  readonly source: string;
  readonly target: string;
  readonly mount: string;
  readonly state: readonly string[];
}

/** A mounted source with files on it, and a replica of one moment. */
async function scene(t: ExecutionContext, mkfs: readonly [string, ...string[]]): Promise<Scene> {
  const directory = await scratchDirectory(t);
  const [command, ...options] = mkfs;
  const image = await sparseFile(path.join(directory, 'source.img'), bytes);
  await execa(command, [...options, image]);
  const copy = await sparseFile(path.join(directory, 'target.img'), bytes);
  const source = await attachLoop(t, image, ['--direct-io=on']);
  const target = await attachLoop(t, copy, ['--direct-io=on']);
  const { directory: mount } = await mounted(t, source);
  await populateTree(mount, 5, 16);
  await execa('sync', ['-f', mount]);
  const state = ['--state-dir', path.join(directory, 'state')];
  const seeded = await fastsyncJson([
    ...['init', '--src', source, '--dst', target, '--online', '--yes'],
    ...state,
  ]);
  t.is(seeded.exitCode, 0, seeded.stderr);
  return { source, target, mount, state };
}

const direct = ['bs=1M', 'iflag=direct', 'status=none'];

/** Makes the replica hold what the source holds: the oracle's own copy of all of it. */
async function follow({ source, target, mount }: Scene): Promise<void> {
  await execa('sync', ['-f', mount]);
  const flags = ['oflag=direct', 'conv=notrunc,fsync'];
  await execa('dd', [`if=${source}`, `of=${target}`, ...direct, ...flags]);
}

/** Whether the two differ on the disks, cached pages aside. */
async function differs({ source, target }: Scene): Promise<boolean> {
  const read = (device: string) => `<(dd if=${device} ${direct.join(' ')})`;
  const command = `cmp -s ${read(source)} ${read(target)}`;
  const { exitCode } = await execa('bash', ['-c', command], { reject: false });
  return exitCode !== 0;
}

const words = ({ source, target, state }: Scene, lagTolerance: string) => [
  ...['--src', source, '--dst', target, '--online', '--lag-tolerance', lagTolerance],
  ...state,
];

const kinds = [
  ['ext4', ['mkfs.ext4', '-q', '-F']],
  ['xfs', ['mkfs.xfs', '-q', '-f']],
  ['btrfs', ['mkfs.btrfs', '-q', '-f']],
] as const;

for (const [name, mkfs] of kinds) {
  test.serial(
    `${name}: a mounted source and a replica that holds the same are equal`,
    async (t) => {
      const pair = await scene(t, mkfs);
      // Freezing for the map writes the superblock or the log: the replica follows while it is verified.
      const verification = fastverifyJson(words(pair, '600s'));
      const over = new AbortController();
      const follower = (async () => {
        while (!over.signal.aborted) {
          if (await differs(pair)) await follow(pair);
          await sleep(500);
        }
      })();
      const { exitCode, summary, stderr } = await verification;
      over.abort();
      await follower;
      t.is(exitCode, 0, `${JSON.stringify(summary)} ${stderr}`);
      t.is(summary.verdict, 'equal');
    },
  );
}

test.serial('a file that was written after the seed differs, and is named', async (t) => {
  const pair = await scene(t, ['mkfs.ext4', '-q', '-F']);
  const file = path.join(pair.mount, 'large');
  const content = await readFile(file);
  content.fill(0x5a, 8192, 8192 + 4096);
  await writeFile(file, content, { flag: 'r+' });
  await execa('sync', ['-f', pair.mount]);
  const { stdout } = await execa('filefrag', ['-b1', '-e', file]);
  const { exitCode, lines, summary } = await fastverifyJson(words(pair, '1s'));
  t.is(exitCode, 1, JSON.stringify(summary));
  // filefrag: "0: logical.. logical: physical.. physical: length", here in bytes.
  const extents = [...stdout.matchAll(/^\s*\d+:\s*(\d+)\.\.\s*(\d+):\s*(\d+)\.\./gm)];
  const extent = extents.find(([, from, to]) => Number(from) <= 8192 && Number(to) >= 8192);
  const place = Number(extent?.[3]) + 8192 - Number(extent?.[1]);
  const ranges = lines.filter(({ type }) => type === 'range');
  const covering = ranges.find(
    ({ start, length }) => Number(start) <= place && Number(start) + Number(length) >= place + 4096,
  );
  t.like(covering, { answer: 'different', what: 'data' }, stdout);
});

test.serial('what is written without end is not proven, and never called equal', async (t) => {
  const pair = await scene(t, ['mkfs.ext4', '-q', '-F']);
  await follow(pair);
  const file = path.join(pair.mount, 'busy');
  const endless = 'while :; do dd if=/dev/urandom of="$0" bs=64K count=1 conv=notrunc,fsync; done';
  const writer = execa(...endingWithUs('bash', ['-c', endless, file]), {
    reject: false,
    stdio: 'ignore',
    detached: true,
  });
  const stop = async () => {
    // The shell's whole group: its dd as well.
    await execa('kill', ['--', `-${writer.pid ?? 'none'}`], { reject: false });
    await writer;
  };
  t.teardown(stop);
  const { exitCode, summary, lines } = await fastverifyJson(words(pair, '2s'));
  await stop();
  t.true(exitCode === 1 || exitCode === 3, JSON.stringify(summary));
  t.true(lines.some(({ type, cause }) => type === 'range' && cause === 'changing'));
});

test.serial(
  'a mounted file system against a manifest: what changed since, and only that',
  async (t) => {
    const pair = await scene(t, ['mkfs.ext4', '-q', '-F']);
    const manifest = path.join(await scratchDirectory(t), 'manifest');
    // Of the replica, which is at rest: the state of the freeze.
    const written = await fastverifyJson(['--src', pair.target, '--write-manifest', manifest]);
    t.is(written.exitCode, 0, written.stderr);
    const inUse = ['--online', '--lag-tolerance', '1s'];
    const check = ['--src', pair.source, '--manifest', manifest, ...inUse];
    const refused = await fastverifyJson([...check.slice(0, 4), ...pair.state]);
    t.is(refused.exitCode, 4, 'mounted, and not --online');
    const { exitCode, lines, summary } = await fastverifyJson([...check, ...pair.state]);
    t.is(exitCode, 1, JSON.stringify(summary));
    const names = lines.filter(({ type }) => type === 'range').map(({ what }) => String(what));
    t.true(names.includes('superblock'), names.join('; '));
  },
);

test.serial('--online says what it cannot do', async (t) => {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'a.img'), 64 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const device = await attachLoop(t, image);
  const copy = path.join(directory, 'b.img');
  await execa('cp', [image, copy]);
  const base = ['--src', device, '--dst', copy, '--online'];
  const unmounted = await fastverifyJson(base);
  t.is(unmounted.exitCode, 2);
  t.like(unmounted.summary.error, { code: 'NOT_MOUNTED' });
  const repair = await fastverifyJson([...base, '--repair']);
  t.is(repair.exitCode, 2);
  t.regex(repair.stderr, /init --online --compare/);
});

test.serial(
  'a configured pair is verified while it is mounted, and the mail says what helps',
  async (t) => {
    const pair = await scene(t, ['mkfs.ext4', '-q', '-F']);
    const directory = await scratchDirectory(t);
    const config = path.join(directory, 'fastsync.yaml');
    const { source, target } = pair;
    await writeFile(
      config,
      `stateDir: ${directory}/state
pairs:
  live:
    src: ${source}
    dst: ${target}
    online: true
    lagTolerance: 1s
`,
    );
    // Nothing was written since the seed but by freezing it.
    const idle = await fastverify(['--config', config, '--all']);
    t.is(idle.exitCode, 0, String(idle.stderr));
    await writeFile(path.join(pair.mount, 'later'), 'what the replica lacks');
    const { exitCode, stdout, stderr } = await fastverify(['--config', config, '--all']);
    t.is(exitCode, 1, String(stderr));
    const mail = `${String(stdout)}${String(stderr)}`;
    t.regex(mail, /inode table/);
    t.true(mail.includes(`fastsync init --src ${source} --dst ${target} --online --compare`), mail);
  },
);
