/**
 * `fastsync live` whose state and run directories, on a small tmpfs, fill up, turn read-only or are taken
 * away: it says so, goes on when that is over or ends with a sentence, and its replica is whole.
 */

import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { fill } from '../support/fill.js';
import { type LiveRun, startLive, statusIn } from '../support/following.js';
import { attachLoop, mounted, scratchDirectory, sparseFile } from '../support/scratch.js';
import { mebibyte } from '../support/seeding.js';
import { during } from '../support/until.js';

const sourceBytes = 16 * mebibyte;

/** A mounted source, and a small tmpfs with the state directory and all that a run holds in /run. */
async function scene(t: ExecutionContext) {
  const directory = await scratchDirectory(t);
  const image = await sparseFile(path.join(directory, 'source.img'), sourceBytes);
  await execa('mkfs.ext4', ['-q', '-F', image]);
  const source = await attachLoop(t, image);
  const { directory: mount } = await mounted(t, source);
  const { directory: place } = await mounted(t, 'tmpfs', ['-t', 'tmpfs', '-o', 'size=256k']);
  const own = path.join(place, 'run');
  await mkdir(own);
  const target = path.join(directory, 'target.img');
  const journal = path.join(directory, 'journal');
  const words = ['--src', source, '--dst', target, '--interval', '0.2s', '--journal', journal];
  // In a mount namespace of its own: what other runs hold in /run is not touched.
  const wrapper = ['unshare', '--mount', 'bash', '-c', 'mount --bind "$0" /run; exec "$@"', own];
  const write = async (name: string) => {
    await writeFile(path.join(mount, name), name.repeat(1000), { flush: true });
  };
  const start = (more: readonly string[] = []) =>
    startLive(t, place, [...words, ...more], {}, wrapper);
  return { directory, place, own, journal, target, start, write };
}

type Scene = Awaited<ReturnType<typeof scene>>;

/** Makes the trouble; gives what undoes it. */
type Begin = (scene: Scene, run: LiveRun) => Promise<() => Promise<unknown>>;

const troubles: Readonly<Record<string, Begin>> = {
  full: async ({ place }) => {
    const filler = await fill(place);
    const over = new AbortController();
    // What a file in the middle of being replaced gives back is taken as well.
    const again = (async () => {
      while (!over.signal.aborted) {
        await appendFile(filler, Buffer.alloc(4096)).catch(() => undefined);
        await sleep(5);
      }
    })();
    return async () => {
      over.abort();
      await again;
      await rm(filler);
    };
  },
  'read-only': async ({ place }, run) => {
    const pid = await pidOf(place);
    const remount = async (option: string) => {
      for (const at of [place, '/run']) {
        const words = ['-t', String(pid), '-m', 'mount', '-o', `remount,bind,${option}`, at];
        // What is open to be written there forbids it for a moment.
        await during(
          run.end(),
          async () => !(await execa('nsenter', words, { reject: false })).failed,
        );
      }
    };
    await remount('ro');
    // With the run goes its mount namespace.
    return () => remount('rw').catch(() => undefined);
  },
  'taken away': async ({ place, own }) => {
    const empty = async () => {
      for (const name of await readdir(own)) {
        await rm(path.join(own, name), { recursive: true, force: true });
      }
      await rm(path.join(place, 'state'), { recursive: true, force: true });
    };
    // What is made again at once goes again.
    await empty().catch(empty);
    return () => Promise.resolve();
  },
};

async function pidOf(place: string): Promise<number> {
  return ((await statusIn(place)) as { pid: number }).pid;
}

const noTrace = /\n {4}at |bug|Unknown system error/;

function epochOf({ lines }: LiveRun): number {
  return Math.max(0, ...lines.map(({ epoch }) => Number(epoch ?? 0)));
}

for (const [kind, begin] of Object.entries(troubles)) {
  test.serial(`live: state and run directories that are ${kind}`, async (t) => {
    const places = await scene(t);
    const { target, journal, place, start, write } = places;
    const run = start();
    await run.epoch(target, 1);
    let undo = await begin(places, run);
    // The locks of the run are looked after anew where its journal fails.
    await rm(journal, { recursive: true });
    let epoch = epochOf(run);
    await write('first');
    await run.line(({ code }) => code === 'LIVE_TROUBLE');
    if (kind !== 'taken away') {
      const known = run.lines.length;
      await run.during(() => run.lines.slice(known).some(({ code }) => code === 'LIVE_TROUBLE'));
    }
    await undo();
    await run.epoch(target, epoch + 1);

    // Ended in the middle of it.
    undo = await begin(places, run);
    await rm(journal, { recursive: true });
    epoch = epochOf(run);
    const known = run.lines.length;
    await write('second');
    await run.during(() => run.lines.slice(known).some(({ code }) => code === 'LIVE_TROUBLE'));
    const { exitCode, stderr, summary } = await run.stop();
    t.true(exitCode === 3 || (exitCode === 0 && kind === 'taken away'), stderr);
    t.notRegex(`${stderr}${JSON.stringify(run.lines)}`, noTrace);
    t.regex(JSON.stringify(summary.targets), exitCode === 3 ? /cannot|no room/ : /null/);
    t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
    const replica = await mounted(t, target, ['-o', 'ro,loop']);
    t.is(await readFile(path.join(replica.directory, 'first'), 'utf8'), 'first'.repeat(1000));
    await replica.unmount();
    await undo();

    // Of a target that nothing is known of any more it is asked whether it is the right one.
    const next = start(kind === 'taken away' ? ['--yes'] : []);
    await next.epoch(target, 1);
    await next.during(async () => {
      const { state, dirtyBytes } = (await statusIn(place)) as Record<string, unknown>;
      return state === 'following' && dirtyBytes === 0;
    });
    t.is((await next.stop()).exitCode, 0);
    t.is((await execa('e2fsck', ['-fn', target], { reject: false })).exitCode, 0);
  });
}
