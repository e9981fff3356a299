/** Blocks that are altered on their way, by accident or by an agent that lies: found, or without effect. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { bannerLine } from '../../src/protocol/index.js';
import { forgeries } from '../support/blocks.js';
import { fastsyncBin, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { type Random, seededRandom } from '../support/random.js';
import { repetitions } from '../support/repetitions.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';

const mebibyte = 1024 ** 2;
const relay = fileURLToPath(new URL('../support/relay.js', import.meta.url));

/** A small source with files in it, and a run onto a target of the relay's other side. */
async function relayed(t: ExecutionContext, random: Random) {
  const directory = await scratchDirectory(t);
  const tree = path.join(directory, 'tree');
  await mkdir(tree);
  for (let file = 0; file < 12; file++) {
    await writeFile(path.join(tree, `file${file}`), random.bytes(random.between(1, 200_000)));
  }
  const source = await sparseFile(path.join(directory, 'source.img'), 8 * mebibyte);
  await execa('mkfs.ext4', ['-q', '-F', '-d', tree, source]);
  let runs = 0;
  /** Onto a target that holds something else, so that a copy of nothing is not equal. */
  const run = async (how: readonly (string | number)[], more: readonly string[] = []) => {
    const target = path.join(directory, `target${runs}`);
    await writeFile(target, Buffer.alloc(8 * mebibyte, 0xa5));
    const state = ['--state-dir', path.join(directory, `state${runs}`)];
    runs++;
    const ssh = [process.execPath, relay, ...how.map(String)].join(' ');
    const ended = await fastsyncJson([
      ...['init', '--src', source, '--dst', `far:${target}`, '--yes', ...state, '--ssh', ssh],
      ...['--remote-command', `${process.execPath} ${fastsyncBin}`, '--retry-for', '0'],
      ...['--peer-timeout', '5s', '--chunk', '256K', ...more],
    ]);
    return { ...ended, target };
  };
  const isEqual = async (target: string) =>
    (await fastverifyJson(['--src', source, '--dst', target, '--state-dir', `${target}.state`]))
      .exitCode === 0;
  const hasSignature = async (target: string) =>
    (await execa('blkid', ['-p', target], { reject: false })).exitCode !== 2;
  return { directory, source, run, isEqual, hasSignature };
}

for (const direction of ['there', 'back'] as const) {
  test.serial(
    `a bit that flips on its way ${direction} is found, or does not matter`,
    async (t) => {
      const random = seededRandom(t, direction === 'there' ? 1400 : 1401);
      const { directory, run, isEqual, hasSignature } = await relayed(t, random);
      const counts = path.join(directory, 'counts');
      const whole = await run(['flip', direction, -1, 0, counts]);
      t.is(whole.exitCode, 0, whole.stderr);
      t.true(await isEqual(whole.target));
      const bytes = (JSON.parse(await readFile(counts, 'utf8')) as Record<string, number>)[
        direction
      ];
      const last = bytes ?? 0;
      // Everywhere, and where messages are: at both ends.
      const places = Array.from({ length: repetitions({ whole: 60, sample: 2 }) }, () => [
        random.between(0, last),
        random.between(0, bannerLine().length),
        random.between(0, Math.min(last, 3000)),
        random.between(Math.max(0, last - 1500), last),
      ]).flat();
      for (const place of places) {
        const bit = random.between(0, 8);
        const { exitCode, stderr, summary, target } = await run([
          'flip',
          direction,
          place,
          bit,
          counts,
        ]);
        const what = `byte ${place} of ${last}, bit ${bit}: ${exitCode ?? ''} ${stderr}`;
        t.true(exitCode === 0 || exitCode === 6, what);
        t.notRegex(stderr, /\n\s+at |bug/, what);
        if (exitCode === 0) t.true(await isEqual(target), what);
        else t.is(typeof (summary.error as { message: string }).message, 'string', what);
        // Published, and only what came behind was lost.
        if (exitCode === 6 && (await hasSignature(target))) t.true(await isEqual(target), what);
      }
    },
  );
}

test.serial('an agent that answers wrongly ends the run with 6 and one sentence', async (t) => {
  const random = seededRandom(t, 1402);
  const { run, isEqual, hasSignature } = await relayed(t, random);
  for (const name of Object.keys(forgeries)) {
    const how = ['forge', name.replaceAll(' ', '_'), random.between(0, 8)];
    const options = random.pick([[], ['--verify'], ['--compare']]);
    const { exitCode, stderr, lines, target } = await run(how, options);
    t.is(exitCode, 6, `${name}: ${stderr}`);
    const errors = lines.filter(({ severity }) => severity === 'error');
    t.true(errors.length <= 1, name);
    t.notRegex(stderr, /\n\s+at |bug/, name);
    if (await hasSignature(target)) t.true(await isEqual(target), name);
  }
});
