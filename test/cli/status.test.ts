/** fastsync status, the word to the service manager, and what live refuses. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { lockPair, pairKey } from '../../src/sync/live/replica-file.js';
import { identifyVolume } from '../../src/volume/index.js';
import { fastsync, fastsyncBin, fastsyncJson } from '../support/fastsync.js';
import { startLive, statesIn, statusIn } from '../support/following.js';
import { startLoad } from '../support/fsync-load.js';
import { attachLoop, scratchDirectory, sparseFile } from '../support/scratch.js';
import { extKind, mebibyte } from '../support/seeding.js';
import { during } from '../support/until.js';

const small = { sizeBytes: 64 * mebibyte, seed: 9, pauseMs: 20 };

test.serial('status tells a running replication from a dead one', async (t) => {
  const load = await startLoad(t, extKind('mkfs.ext4'), small);
  const directory = await scratchDirectory(t);
  const state = ['--state-dir', path.join(directory, 'state')];
  t.is(String((await fastsync(['status', ...state])).stdout), 'no replications');
  const target = path.join(directory, 'target.img');
  const run = startLive(t, directory, [
    '--src',
    load.device,
    '--dst',
    target,
    '--interval',
    '0.2s',
  ]);
  await run.epoch(target, 2);

  const running = await fastsync(['status', '--json', ...state]);
  t.is(running.exitCode, 0);
  const [one] = (JSON.parse(String(running.stdout)) as { replications: object[] }).replications;
  t.like(one, { role: 'source', running: true, error: null, target: { path: target } });
  const [heading = '', row = ''] = String((await fastsync(['status', ...state])).stdout).split(
    '\n',
  );
  // Columns stand below each other.
  for (const word of ['TARGET', 'ROLE', 'STATE']) t.is(row[heading.indexOf(word) - 1], ' ');
  t.true(row.includes(target));

  // A second run must not touch the first one's journal, whatever its user allows.
  const words = ['live', '--src', load.device, '--dst', target, ...state];
  t.is((await fastsyncJson(words)).exitCode, 7);
  t.is((await fastsyncJson([...words, '--allow-busy-target', '--yes'])).exitCode, 7);
  t.is((await fastsyncJson(['live', '--recover', '--dst', target, ...state])).exitCode, 7);
  const { length } = run.lines.filter(({ type }) => type === 'epoch');
  await run.epoch(target, length + 2);

  await run.kill();
  // What is no moment is not ours.
  const damaged = path.join(directory, 'damaged', 'live');
  await mkdir(damaged, { recursive: true });
  const status = { ...(await statusIn(directory)), consistentAt: 9e15 };
  await writeFile(path.join(damaged, 'x.status.json'), JSON.stringify(status));
  const none = await fastsync(['status', '--state-dir', path.dirname(damaged)]);
  t.is(String(none.stdout), 'no replications');
  const dead = await fastsync(['status', ...state]);
  t.is(dead.exitCode, 3);
  t.regex(
    String(dead.stdout),
    /not running since .* \(ended without an error message\); the target is consistent at/,
  );
});

test.serial('a service manager hears READY, STATUS, WATCHDOG and STOPPING', async (t) => {
  const load = await startLoad(t, extKind('mkfs.ext4'), small);
  const directory = await scratchDirectory(t);
  const socket = path.join(directory, 'notify');
  const heard = path.join(directory, 'heard');
  const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
out = open(sys.argv[2], "w")
while True:
  out.write(s.recv(4096).decode() + "\\n"); out.flush()`;
  const listener = execa(...endingWithUs('python3', ['-c', script, socket, heard]), {
    reject: false,
  });
  t.teardown(async () => {
    listener.kill('SIGKILL');
    await listener;
  });
  const hears = async (wanted: RegExp) => {
    await during(listener, async () => wanted.test(await readFile(heard, 'utf8').catch(() => '')));
  };
  await during(listener, () => existsSync(heard));
  const target = path.join(directory, 'target.img');
  const environment = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '300000' };
  const words = ['--src', load.device, '--dst', target, '--interval', '0.2s'];
  const run = startLive(t, directory, words, environment);
  await hears(/^WATCHDOG=1$/m);
  await hears(/^READY=1$/m);
  await hears(/^STATUS=.*target\.img: \w+, epoch \d+/m);
  const { exitCode } = await run.stop();
  t.is(exitCode, 0);
  await hears(/^STOPPING=1$/m);
  t.deepEqual(await statesIn(directory), ['stopped']);
});

test('the service unit is one that systemd takes', async (t) => {
  const directory = await scratchDirectory(t);
  const unit = path.join(import.meta.dirname, '../../../systemd/fastsync-live@.service');
  const text = await readFile(unit, 'utf8');
  const copy = path.join(directory, 'fastsync-live@.service');
  await writeFile(copy, text.replace('/usr/bin/fastsync ', `${process.execPath} ${fastsyncBin} `));
  const { exitCode, all } = await execa('systemd-analyze', ['verify', copy], {
    all: true,
    reject: false,
  });
  t.is(exitCode, 0, all);
  t.is(all, '');
});

test.serial('a target that is too small is refused, whatever its user allows', async (t) => {
  const load = await startLoad(t, extKind('mkfs.ext4'), small);
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'small.img'), 32 * mebibyte);
  await execa('mkfs.ext4', ['-q', image]);
  const before = await readFile(image);
  const target = await attachLoop(t, image);
  const words = ['live', '--src', load.device, '--dst', target, '--yes'];
  const state = ['--state-dir', path.join(directory, 'state')];
  const { exitCode, summary } = await fastsyncJson([...words, ...state]);
  t.is(exitCode, 4);
  t.like(summary.error, { code: 'TARGET_TOO_SMALL' });
  t.is((await fastsyncJson([...words, ...state, '--allow-small-target'])).exitCode, 2);
  t.true((await readFile(image)).equals(before));
});

test.serial('what would freeze itself, and what never followed, is refused', async (t) => {
  const load = await startLoad(t, extKind('mkfs.ext4'), small);
  const directory = await scratchDirectory(t);
  const target = path.join(directory, 'target.img');
  const words = ['live', '--src', load.device, '--dst', target];
  const state = ['--state-dir', path.join(directory, 'state')];
  const cases: [words: string[], exitCode: number, code: string][] = [
    [[...words, ...state, '--journal', load.mountPoint], 4, 'JOURNAL_ON_SOURCE'],
    [[...words, '--state-dir', path.join(load.mountPoint, 'new')], 4, 'JOURNAL_ON_SOURCE'],
    [
      ['live', '--src', load.device, '--dst', path.join(load.mountPoint, 'x'), ...state],
      4,
      'SAME_STORAGE',
    ],
    [['live', '--dst', target, ...state], 2, 'USAGE'],
    [['live', '--recover', '--src', load.device, '--dst', target, ...state], 2, 'USAGE'],
    [['live', '--recover', '--dst', load.device, ...state], 2, 'NO_REPLICA'],
    [[...words, ...state, '--interval', 'soon'], 2, 'USAGE'],
    [[...words, ...state, '--max-freeze', '2h'], 2, 'USAGE'],
  ];
  for (const [line, expected, code] of cases) {
    const { exitCode, summary } = await fastsyncJson(line);
    t.is(exitCode, expected, line.join(' '));
    t.is((summary.error as { code: string }).code, code, line.join(' '));
  }
});

test.serial('a pair that another run has is not touched, nor is its journal', async (t) => {
  const load = await startLoad(t, extKind('mkfs.ext4'), small);
  const directory = await scratchDirectory(t);
  const target = path.join(directory, 'target.img');
  const journal = path.join(directory, 'journal');
  const key = pairKey((await identifyVolume(load.device)).stableId, target);
  await mkdir(journal);
  await writeFile(path.join(journal, `${key}.journal`), 'staged by another run');
  await using _held = await lockPair(key, target);
  const { exitCode, stderr } = await fastsyncJson([
    ...['live', '--src', load.device, '--dst', target, '--journal', journal],
    ...['--state-dir', path.join(directory, 'state')],
  ]);
  t.is(exitCode, 7, stderr);
  t.is(await readFile(path.join(journal, `${key}.journal`), 'utf8'), 'staged by another run');
});
