/** What a terminal, a pipe and a name full of control characters make of the output. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hangMs } from '../support/hang.js';
import { fastsync, fastsyncBin } from '../support/fastsync.js';
import { fastverifyBin, flipBits } from '../support/fastverify.js';
import { equalPair } from '../support/replica.js';
import { scratchDirectory } from '../support/scratch.js';

/** Runs a command at a terminal of its own, and gives every byte that it wrote there. */
async function atTerminal(term: string, words: readonly string[]): Promise<string> {
  const line = [process.execPath, fastsyncBin, ...words].join(' ');
  const { stdout } = await execa(
    'script',
    ['--quiet', '--return', '--command', line, '/dev/null'],
    {
      env: { TERM: term },
      reject: false,
    },
  );
  return stdout;
}

test('a dumb terminal gets lines of text, another one a bar and colours', async (t) => {
  const { directory, source } = await equalPair(t);
  const state = ['--state-dir', path.join(directory, 'state')];
  const seed = (name: string) => [
    'init',
    '--src',
    source,
    '--dst',
    path.join(directory, name),
    ...state,
  ];
  const dumb = await atTerminal('dumb', seed('a.img'));
  t.notRegex(dumb, /\u001B/);
  t.regex(dumb, /copied/);
  t.regex(await atTerminal('xterm', seed('b.img')), /\u001B\[/);
  const failed = await atTerminal('dumb', ['map', path.join(directory, 'none')]);
  t.notRegex(failed, /\u001B/);
});

/** Runs a shell line, in which no reader of a pipe is left when the command begins. */
async function withoutReader(program: string, words: readonly string[], stream: '1' | '2') {
  const command = [process.execPath, program, ...words].join(' ');
  const script = `exec ${stream}> >(exec true); wait $!; ${command}`;
  return execa('bash', ['-c', script], { reject: false, timeout: hangMs });
}

test('a run in text whose output nobody reads goes on, and says so where somebody may read it', async (t) => {
  const { directory, source, state, words } = await equalPair(t);
  const copy = path.join(directory, 'copy.img');
  const init = ['init', '--src', source, '--dst', copy, ...state];
  const seeded = await withoutReader(fastsyncBin, init, '1');
  t.is(seeded.exitCode, 0, seeded.stderr);
  t.regex(seeded.stderr, /^warning: nothing reads the output any more; the run continues$/m);
  t.is((await execa('e2fsck', ['-fn', copy])).exitCode, 0);

  const manifest = path.join(directory, 'manifest');
  await execa(process.execPath, [fastverifyBin, '--src', source, '--write-manifest', manifest]);
  // It begins with a note on stderr.
  const check = ['--src', source, '--manifest', manifest, ...state];
  const checked = await withoutReader(fastverifyBin, check, '2');
  t.is(checked.exitCode, 0, checked.stdout);
  t.regex(checked.stdout, /^warning: nothing reads the messages any more; the run continues$/m);
  t.regex(checked.stdout, /^equal/m);

  await flipBits(copy, [{ at: 1100, bit: 0 }]);
  const compare = ['--src', source, '--dst', copy, ...state];
  for (const stream of ['1', '2'] as const) {
    t.is((await withoutReader(fastverifyBin, compare, stream)).exitCode, 1);
    t.is((await withoutReader(fastverifyBin, words, stream)).exitCode, 0);
  }
});

/** A replication as it was left by a run that is no more. */
async function leave(t: ExecutionContext, changes: object): Promise<string> {
  const directory = await scratchDirectory(t);
  await mkdir(path.join(directory, 'live'));
  const volume = { path: '/dev/vg0/data', stableId: 'x' };
  const status = {
    schema: 'fastsync-live/1',
    role: 'source',
    source: volume,
    target: { ...volume, path: '/srv/replica.img' },
    state: 'following',
    since: 1,
    dirtyBytes: 0,
    epoch: 3,
    consistentAt: 1_700_000_000_000,
    error: null,
    intervalMs: 5000,
    pid: 1,
    processStart: '1',
    bootId: 'another',
    updatedAt: 1_700_000_001_000,
    ...changes,
  };
  await writeFile(path.join(directory, 'live', 'x.status.json'), JSON.stringify(status));
  return directory;
}

test('status --watch ends when nobody reads it any more', async (t) => {
  const directory = await leave(t, {});
  const line = `${process.execPath} ${fastsyncBin} status --watch --state-dir ${directory} | head -1`;
  for (const more of ['', ' --json'])
    await t.notThrowsAsync(
      execa('bash', ['-c', line.replace(' |', `${more} |`)], { timeout: hangMs }),
    );
});

test('names with control characters neither break the table nor steer the terminal', async (t) => {
  const target = { path: '/srv/a\nb\u001B[31m.img', stableId: 'y' };
  const error = { code: 'IO_ERROR', message: '/srv/a\nb\u001B[31m.img cannot be used' };
  const directory = await leave(t, { target, error });
  const { stdout } = await fastsync(['status', '--state-dir', directory]);
  const lines = String(stdout).split('\n');
  t.is(lines.length, 4, String(stdout));
  t.notRegex(String(stdout), /\u001B/);
  t.true(lines[1]?.includes('/srv/a\\u{a}b\\u{1b}[31m.img'));
  const missing = await fastsync(['map', '/nonexistent/a\nb\u001B[31m']);
  t.is(
    String(missing.stderr),
    'error: /nonexistent/a\\u{a}b\\u{1b}[31m does not exist. Check the path.',
  );
});

test('a run that ended with words is not said to have ended without one', async (t) => {
  const error = { code: 'TARGET_GONE', message: '/srv/replica.img is gone' };
  const said = await fastsync([
    'status',
    '--state-dir',
    await leave(t, { state: 'failed', error }),
  ]);
  t.regex(String(said.stdout), /not running since \S+ \(ended with the error below\)/);
  t.regex(String(said.stdout), /: \/srv\/replica\.img is gone$/m);
  t.is(said.exitCode, 3);
  const silent = await fastsync(['status', '--state-dir', await leave(t, {})]);
  t.regex(String(silent.stdout), /\(ended without an error message\)/);
});
