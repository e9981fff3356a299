/**
 * A replication under whose files the disk fills up, turns read-only, is taken away or becomes somebody
 * else's: it says so, goes on when that is over, and whatever ends it, the next run goes on from there.
 */

import { appendFile, chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fastsyncBin, type JsonLine } from '../support/fastsync.js';
import { fill } from '../support/fill.js';
import { startLive, statusIn } from '../support/following.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';

const sourceBytes = 16 * mebibyte;

/** A mounted source, and a file system of its own for what is kept of its replication. */
async function makePlaces(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), sourceBytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const source = await attachLoop(t, image);
  const { directory: mount } = await mounted(t, source);
  // More than a journal leaves free for others.
  const disk = await sparseFile(path.join(directory, 'kept.img'), 128 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', '-m', '0', disk]);
  const device = await attachLoop(t, disk);
  const kept = await mounted(t, device);
  const target = path.join(directory, 'target.img');
  const write = async (name: string) => {
    await writeFile(path.join(mount, name), name.repeat(1000), { flush: true });
  };
  return { directory, source, target, device, kept: kept.directory, write };
}

type Places = Awaited<ReturnType<typeof makePlaces>>;

/** What is done to a directory, and how it is undone. */
interface Trouble {
  /** Gives what undoes it. */
  readonly begin: (directory: string, places: Places) => Promise<() => Promise<unknown>>;
  /** What is said of it; null: it is made good at once. */
  readonly said: RegExp | null;
  /** Nobody can undo it while the run lasts. */
  readonly lasts?: true;
}

const troubles: Readonly<Record<string, Trouble>> = {
  full: {
    begin: async (directory) => {
      const filler = await fill(path.dirname(directory));
      const over = new AbortController();
      // What a state in the middle of being replaced gives back is taken as well.
      const again = (async () => {
        while (!over.signal.aborted) {
          await appendFile(filler, Buffer.alloc(1024)).catch(() => undefined);
          await sleep(20);
        }
      })();
      return async () => {
        over.abort();
        await again;
        await rm(filler);
      };
    },
    said: /its file system is full|there is no room in/,
  },
  'read-only': {
    begin: async (_, { kept, device }) => {
      // As after an error of the disk.
      await execa('mount', ['-o', 'remount,abort', kept]);
      return async () => {
        await execa('umount', [kept]);
        await execa('e2fsck', ['-fy', device], { reject: false });
        await execa('mount', [device, kept]);
      };
    },
    said: /[Rr]ead-only/,
    lasts: true,
  },
  'taken away': {
    begin: async (directory) => {
      await rm(directory, { recursive: true });
      return () => Promise.resolve();
    },
    said: null,
  },
  immutable: {
    begin: async (directory) => {
      const places = [directory, path.join(directory, 'live')];
      await execa('chattr', ['+i', ...places], { reject: false });
      return () => execa('chattr', ['-i', ...places], { reject: false });
    },
    said: /it may not be changed \(lsattr shows whether it is immutable\)/,
  },
  "somebody else's": {
    begin: async (directory) => {
      await chmod(directory, 0o700);
      await chown(directory, 65534, 65534);
      return () => chown(directory, 0, 0);
    },
    said: /this user may not/,
  },
};

/** Root as a service has it, which may not do as it likes with others' files. */
const confined = ['setpriv', '--bounding-set=-dac_override,-dac_read_search,-fowner'];

for (const where of ['state', 'journal']) {
  for (const [kind, { begin, said, lasts }] of Object.entries(troubles)) {
    test.serial(`a ${where} directory that is ${kind} in the middle of live`, async (t) => {
      const places = await makePlaces(t);
      const { directory, source, target, kept, write } = places;
      await mkdir(path.join(kept, where));
      const own = where === 'state' ? kept : directory;
      const journal = path.join(where === 'journal' ? kept : directory, 'journal');
      const words = ['--src', source, '--dst', target, '--interval', '0.2s', '--journal', journal];
      const start = () => startLive(t, own, words, {}, confined);
      const epochOf = (lines: readonly JsonLine[]) =>
        Math.max(0, ...lines.map(({ epoch }) => Number(epoch ?? 0)));

      const isTold = (line: JsonLine) => said?.test(String(line.message)) === true;

      // Killed in the middle of it: what is there is known for what it is.
      const killed = start();
      await killed.epoch(target, 1);
      const undo = await begin(path.join(kept, where), places);
      const reached = epochOf(killed.lines);
      await write('first');
      if (said === null) await killed.epoch(target, reached + 1);
      else await killed.line(isTold);
      await killed.kill();
      await undo();

      const run = start();
      await run.line(({ type }) => type === 'epoch');
      const undoAgain = await begin(path.join(kept, where), places);
      const before = epochOf(run.lines);
      await write('second');
      if (said !== null) {
        await run.line((line) => line.code === 'LIVE_TROUBLE' && isTold(line));
        if (lasts === undefined) await undoAgain();
      }
      if (lasts === undefined) await run.epoch(target, before + 1);
      const { exitCode, summary, stderr } = await run.stop();
      t.is(exitCode, lasts === undefined ? 0 : 3, stderr);
      t.notRegex(JSON.stringify(run.lines), /bug/);
      if (lasts !== undefined) {
        t.regex(JSON.stringify(summary.targets), said ?? /never/);
        await undoAgain();
      }
      t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
      const replica = await mounted(t, target, ['-o', 'ro,loop']);
      for (const name of lasts === undefined ? ['first', 'second'] : ['first']) {
        const text = await readFile(path.join(replica.directory, name), 'utf8');
        t.is(text, name.repeat(1000));
      }
    });
  }
}

/** Follows with the output going where the shell line says; gives the line and how to see an epoch. */
async function withOutput(t: ExecutionContext, output: string, between: () => Promise<unknown>) {
  const { directory, source, target, write } = await makePlaces(t);
  const words = ['--src', source, '--dst', target, '--interval', '0.2s', '--json'];
  const state = ['--state-dir', path.join(directory, 'state')];
  const line = [process.execPath, fastsyncBin, 'live', ...words, ...state].join(' ');
  const script = `exec ${line} ${output}`;
  const run = execa('bash', ['-c', script], { reject: false, stdin: 'ignore', detached: true });
  t.teardown(() => run.kill('SIGKILL'));
  const epochBeyond = async (number: number) => {
    for (;;) {
      const status = (await statusIn(directory).catch(() => ({}))) as { epoch?: number };
      if ((status.epoch ?? 0) > number) return status.epoch ?? 0;
      if (run.exitCode !== null) throw new Error(`live ended: ${(await run).stderr}`);
      await sleep(20);
    }
  };
  const first = await epochBeyond(0);
  await between();
  for (let count = 0; count < 3; count++) {
    await write(`file ${count}`);
    await epochBeyond(first + count);
  }
  run.kill('SIGTERM');
  return run;
}

test('live goes on where the disk of its log is full, says so, and is no plain success', async (t) => {
  const { directory } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=64k']);
  const log = path.join(directory, 'log');
  const { exitCode, stderr } = await withOutput(t, `>>${log}`, async () => {
    const size = (await stat(log)).size;
    await appendFile(log, '\n'.repeat(4096 - (size % 4096)));
    await fill(directory);
  });
  t.is(exitCode, 3, stderr);
  t.regex(stderr, /the output cannot be written: its file system is full/);
});

test('live goes on where nobody reads its output any more, and says so', async (t) => {
  const { exitCode, stderr } = await withOutput(t, '> >(head -n 1)', () => Promise.resolve());
  t.is(exitCode, 0, stderr);
  t.regex(stderr, /nothing reads the output any more; the run continues/);
});
