/** A run that freezes is killed at random moments, alone or with all that it started: nothing stays frozen. */

import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { execa } from 'execa';
import { hangMs } from '../../support/hang.js';
import { endingWithUs } from '../../support/lifetime.js';
import { ownPrefix } from '../../support/owner.js';
import { repetitions } from '../../support/repetitions.js';
import { seededRandom } from '../../support/random.js';
import { during, until } from '../../support/until.js';
import { assertWritable, kindNames, mountedKind, watchdogs } from './freezing.js';

const module = JSON.stringify(new URL('../../../src/volume/index.js', import.meta.url).href);

/** Freezes for a moment, again and again, until it is killed; says what it does. */
const script = `
  import { writeSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { freeze, identifyVolume } from ${module};
  const volume = await identifyVolume(process.argv[1]);
  const holdMs = Number(process.argv[2]);
  writeSync(1, 'ready\\n');
  for (;;) {
    const frozen = await freeze({ volume, maxFreezeMs: Number(process.argv[3]), mustNotFreeze: [] });
    writeSync(1, 'frozen\\n');
    await sleep(holdMs);
    writeSync(1, 'thawing\\n');
    await frozen.thaw();
  }
`;

function freezingRun(
  device: string,
  holdMs: number,
  { wrapper = [] as readonly string[], maxFreezeMs = 60_000 } = {},
) {
  const numbers = [holdMs, maxFreezeMs].map(String);
  const words = ['node', '--input-type=module', '-e', script, device, ...numbers];
  const [file = '', ...args] = [...wrapper, ...words];
  const child = execa(...endingWithUs(file, args), { reject: false, stdin: 'ignore' });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const has = (word: string) => () => Promise.resolve(said.includes(word));
  return { child, has, lastWord: () => said.trimEnd().split('\n').at(-1) ?? '' };
}

const roundsPerKind = repetitions({ whole: 36, sample: 16 });

/** What to wait for, how long each freeze is held, and for how long at most to wait before the kill. */
const moments = [
  ['ready', 60_000, 500], // looking around, writing back, within the call, just frozen
  ['frozen', 60_000, 50],
  ['thawing', 20, 2], // while thawing
  ['thawing', 20, 300], // and again
] as const;

for (const [index, kind] of kindNames.entries()) {
  test(`${kind}: a run killed ${roundsPerKind} times at any moment leaves nothing frozen`, async (t) => {
    t.timeout(3 * hangMs);
    const random = seededRandom(t, 5001 + index);
    const { device, directory } = await mountedKind(t, kind);
    const lastWords: Record<string, number> = {};
    for (let round = 0; round < roundsPerKind; round++) {
      await writeFile(path.join(directory, 'dirty'), Buffer.alloc(random.between(0, 1 << 20), 1));
      const [word, holdMs, mostMs] = random.pick(moments);
      const { child, has, lastWord } = freezingRun(device, holdMs);
      await during(child, has(word));
      await sleep(random.between(0, mostMs));
      child.kill('SIGKILL');
      await child;
      lastWords[lastWord()] = (lastWords[lastWord()] ?? 0) + 1;
      await assertWritable(t, directory);
      await until(async () => (await watchdogs(directory)).length === 0);
    }
    t.log(JSON.stringify(lastWords));
    t.true((lastWords.frozen ?? 0) > 0, 'some were killed while frozen');
  });
}

for (const [what, victims] of [
  ['run and watchdog', (run: number, [watchdog = NaN]: readonly number[]) => [watchdog, run]],
  ['watchdog and run', (run: number, [watchdog = NaN]: readonly number[]) => [run, watchdog]],
  ['run and standby', (run: number, [, standby = NaN]: readonly number[]) => [run, standby]],
] as const) {
  test(`${what} killed at one instant: whoever is left thaws`, async (t) => {
    const { device, directory } = await mountedKind(t, 'ext4');
    const { child, has } = freezingRun(device, 60_000);
    await during(child, has('frozen'));
    const pids = victims(child.pid ?? NaN, await watchdogs(directory));
    await execa('bash', ['-c', `kill -9 ${pids.join(' ')}`]);
    await child;
    await assertWritable(t, directory);
    await until(async () => (await watchdogs(directory)).length === 0);
  });
}

/** Where version 2 of control groups is mounted: alone, or beside version 1. */
const groupRoot = existsSync('/sys/fs/cgroup/cgroup.procs')
  ? '/sys/fs/cgroup'
  : '/sys/fs/cgroup/unified';

for (const [what, file, word] of [
  ['killed', 'cgroup.kill', '1'],
  ['paused', 'cgroup.freeze', '1'],
] as const) {
  test(`a service that is ${what} with all its processes leaves nothing frozen`, async (t) => {
    const { device, directory } = await mountedKind(t, 'xfs');
    const group = path.join(groupRoot, `${ownPrefix}${what}`);
    await mkdir(group);
    t.teardown(() =>
      until(() =>
        rmdir(group).then(
          () => true,
          () => false,
        ),
      ),
    );
    t.teardown(() => writeFile(path.join(group, 'cgroup.kill'), '1'));
    const join = `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`;
    const { child, has } = freezingRun(device, 60_000, {
      wrapper: ['bash', '-c', join],
      maxFreezeMs: 8000,
    });
    await during(child, has('frozen'));
    const pids = await watchdogs(directory);
    t.is(pids.length, 2);
    await writeFile(path.join(group, file), word);
    await assertWritable(t, directory);
    await writeFile(path.join(group, 'cgroup.kill'), '1');
    await child;
  });
}
