/** Disks that are full, read-only or somebody else's, under every file that fastsync keeps: nothing found is lost. */

import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { checkpointBeyond, fastsync, fastsyncBin, fastsyncJson } from '../support/fastsync.js';
import { fill } from '../support/fill.js';
import { fastverify, fastverifyBin, fastverifyJson, flipBits } from '../support/fastverify.js';
import { equalPair } from '../support/replica.js';
import { mounted, scratchDirectory } from '../support/scratch.js';

/** Makes a directory that nothing can be written to; gives what runs a command there. */
const troubles: Readonly<
  Record<string, (t: ExecutionContext) => Promise<{ directory: string; as: readonly string[] }>>
> = {
  full: async (t) => {
    const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k']);
    await fill(directory);
    return { directory, as: [] };
  },
  'read-only': async (t) => {
    const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k,ro']);
    return { directory, as: [] };
  },
  "somebody else's": async (t) => {
    const directory = await scratchDirectory(t);
    await chmod(directory, 0o755);
    return { directory, as: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] };
  },
};

for (const [kind, make] of Object.entries(troubles)) {
  test(`a state directory that is ${kind}: what differs is told, and what is equal is`, async (t) => {
    const { directory, source, target } = await equalPair(t);
    const trouble = await make(t);
    await chmod(directory, 0o755);
    for (const file of [source, target]) await chmod(file, 0o644);
    const state = ['--state-dir', trouble.directory];
    const line = [process.execPath, fastverifyBin, '--src', source, '--dst', target, ...state];
    const [file = '', ...args] = [...trouble.as, ...line];
    const env = { XDG_RUNTIME_DIR: directory };
    await chmod(directory, 0o777);
    const equal = await execa(file, args, { reject: false, env });
    t.is(equal.exitCode, 0, equal.stderr);
    t.regex(equal.stderr, /warning: cannot write the state of the verification \S+: \S/);
    await flipBits(target, [{ at: 1100, bit: 0 }]);
    const different = await execa(file, args, { reject: false, env });
    t.is(different.exitCode, 1, different.stderr);
    t.regex(different.stdout, /^different +\d+ +\d+ +superblock/m);
    t.notRegex(`${different.stderr}${equal.stderr}`, /bug|\n {4}at /);
  });
}

test('a nightly check whose history, log and metrics are on a full disk tells what differs', async (t) => {
  const { source, target } = await equalPair(t);
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k']);
  const config = path.join(await scratchDirectory(t), 'fastsync.yaml');
  const log = path.join(directory, 'log.jsonl');
  await writeFile(
    config,
    `stateDir: ${directory}\nlog: ${log}\nmetrics: ${directory}/m.prom\n` +
      `pairs:\n  web: { src: ${source}, dst: ${target} }\n`,
  );
  t.is((await fastverify(['--config', config, '--all'])).exitCode, 0);
  // A few bytes fit into its last page, and no more: a line is cut short.
  await appendFile(log, '\n'.repeat(4096 - ((await stat(log)).size % 4096) - 10));
  const filler = await fill(directory);
  await flipBits(target, [{ at: 1100, bit: 0 }]);
  const run = await fastverify(['--config', config, '--all']);
  t.is(run.exitCode, 1);
  t.regex(String(run.stdout), /^web: DIFFERENT/m);
  for (const what of ['history', 'log', 'metrics']) {
    t.regex(
      String(run.stderr),
      new RegExp(`cannot write the ${what} \\S+: its file system is full`),
    );
  }
  t.deepEqual(
    (await readdir(directory)).filter((name) => name.endsWith('.tmp')),
    [],
  );
  // With room again every line of the log is whole, but for one that was cut short.
  await rm(filler);
  t.is((await fastverify(['--config', config, '--all'])).exitCode, 1);
  const last = (await readFile(log, 'utf8')).trimEnd().split('\n').at(-1) ?? '';
  t.like(JSON.parse(last), { type: 'summary', pair: 'web', exitCode: 1 });
});

test('init: a full state directory is told before the first write; later the copy goes on', async (t) => {
  const { directory, source } = await equalPair(t);
  const target = path.join(directory, 'new.img');
  await mkdir(path.join(directory, 'state'));
  const options = ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path.join(directory, 'state')];
  await execa('mount', options);
  t.teardown(() => execa('umount', ['--lazy', path.join(directory, 'state')], { reject: false }));
  const state = path.join(directory, 'state');
  const words = ['init', '--src', source, '--dst', target, '--state-dir', state];
  const filler = await fill(state);
  const refused = await fastsyncJson(words);
  t.is(refused.exitCode, 2, refused.stderr);
  t.like(refused.summary.error, { code: 'STATE_UNUSABLE' });
  t.is((await stat(target).catch(() => ({ blocks: 0 }))).blocks, 0);

  await rm(filler);
  const slow = ['--bwlimit', '6M', '--chunk', '256K', '--checkpoint-interval', '20', '--yes'];
  const running = fastsync([...words, ...slow]);
  await checkpointBeyond(running, directory, 0);
  await fill(state);
  const { exitCode, stderr } = await running;
  t.is(exitCode, 0, String(stderr));
  t.regex(
    String(stderr),
    /warning: cannot write the checkpoint \S+: its file system is full; the copy continues/,
  );
  t.is((await execa('e2fsck', ['-fn', target])).exitCode, 0);
  t.is((await fastverify(['--src', source, '--dst', target])).exitCode, 0);
});

test('a full run directory locks nobody out, and leaves no claim behind', async (t) => {
  const { source, target, state } = await equalPair(t);
  const words = ['init', '--src', source, '--dst', target, '--yes', ...state].join(' ');
  const run = `${process.execPath} ${fastsyncBin} ${words}`;
  // In a mount namespace of its own: the others' claims are not touched.
  const inside = (options: string, then: string) =>
    execa(
      'unshare',
      [
        '--mount',
        'bash',
        '-c',
        `mkdir -p /run/fastsync; mount -t tmpfs -o ${options} tmpfs /run/fastsync; ${then}; ls -A /run/fastsync | grep -v filler; exit $code`,
      ],
      { reject: false },
    );
  const full = await inside(
    'size=4k',
    `head -c 64k /dev/zero >/run/fastsync/filler 2>/dev/null; ${run} && ${run}; code=$?`,
  );
  t.is(full.exitCode, 0, full.stderr);
  t.notRegex(full.stdout, /block-|file-/);
  const noInodes = await inside('nr_inodes=1', `${run}; code=$?`);
  t.is(noInodes.exitCode, 2, noInodes.stderr);
  t.regex(
    noInodes.stderr,
    /^error: cannot create the lock of \S+ in \/run\/fastsync: its file system is full/m,
  );
});

test('output that nobody can keep changes no answer, but is never a plain success', async (t) => {
  const { directory, source, target, words } = await equalPair(t);
  const toFull = (bin: string, more: readonly string[]) =>
    execa('bash', ['-c', `${[process.execPath, bin, ...more].join(' ')} >/dev/full`], {
      reject: false,
    });
  for (const json of [[], ['--json']]) {
    const equal = await toFull(fastverifyBin, [...words, ...json]);
    t.is(equal.exitCode, 3, equal.stderr);
    t.regex(equal.stderr, /the output cannot be written: its file system is full/);
  }
  const copy = path.join(directory, 'copy.img');
  const seeded = await toFull(fastsyncBin, ['init', '--src', source, '--dst', copy, '--json']);
  t.is(seeded.exitCode, 3, seeded.stderr);
  t.is((await execa('e2fsck', ['-fn', copy])).exitCode, 0, 'the copy was finished');
  t.is((await toFull(fastsyncBin, ['map', source])).exitCode, 3);

  const { directory: full } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=4k']);
  await fill(full);
  const map = ['--ddrescue-map', path.join(full, 'x.map')];
  const unlisted = await fastverifyJson([...words, ...map]);
  t.is(unlisted.exitCode, 3, unlisted.stderr);
  t.like(unlisted.summary, { verdict: 'equal', error: { code: 'NO_SPACE' } });
  await flipBits(target, [{ at: 1100, bit: 0 }]);
  t.is((await toFull(fastverifyBin, words)).exitCode, 1);
  const found = await fastverifyJson([...words, ...map]);
  t.is(found.exitCode, 1, found.stderr);
  t.like(found.ranges[0], { answer: 'different', what: 'superblock' });
});

test('replications that may not be read are not none', async (t) => {
  const directory = await scratchDirectory(t);
  await mkdir(path.join(directory, 'live'), { mode: 0o700 });
  await chmod(directory, 0o755);
  const line = [process.execPath, fastsyncBin, 'status', '--state-dir', directory];
  const as = ['--reuid=65534', '--regid=65534', '--clear-groups', ...line];
  const { exitCode, stderr } = await execa('setpriv', as, { reject: false });
  t.is(exitCode, 2);
  t.regex(stderr, /^error: cannot read \S+\/live: this user may not/);
});
