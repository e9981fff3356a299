/**
 * `fastsync init` onto another host, one of whose processes dies or stops at a random moment: the target is
 * never taken for whole, nothing stays behind, and the same command ends the work.
 */

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { exitCodesOf } from '../../src/cli/exit-codes.js';
import { exitCodes } from '../../src/errors.js';
import { agentsOf, markedAgent, otherHost, processesOf } from '../support/far.js';
import { checkpointBeyond, fastsync, fastsyncJson } from '../support/fastsync.js';
import { fastverifyJson } from '../support/fastverify.js';
import { seededRandom } from '../support/random.js';
import { equalPair, ext4 } from '../support/replica.js';
import { repetitions } from '../support/repetitions.js';
import { mebibyte, proveSame } from '../support/seeding.js';
import { until } from '../support/until.js';

type Run = ReturnType<typeof fastsync>;

interface Scene {
  readonly run: Run;
  readonly directory: string;
}

const signalAll = (pids: readonly number[], signal: NodeJS.Signals) => {
  for (const pid of pids) process.kill(pid, signal);
};

async function noAgents({ directory }: Scene): Promise<void> {
  await until(async () => (await agentsOf(directory)).length === 0);
}

async function endsWith6(t: ExecutionContext, { run }: Scene): Promise<void> {
  const { exitCode, stderr } = await run;
  t.is(exitCode, 6, String(stderr));
  t.true(exitCodesOf('init').includes(exitCodes.remote), 'as its help says');
  t.regex(String(stderr), /^error: [^\n]+$/m);
  t.notRegex(String(stderr), /\n\s+at |bug/);
}

/** What happens to one of the processes; resolves when all others have ended because of it. */
const mishaps: Readonly<Record<string, (t: ExecutionContext, scene: Scene) => Promise<void>>> = {
  'the driver is killed': async (t, scene) => {
    scene.run.kill('SIGKILL');
    t.is((await scene.run).signal, 'SIGKILL');
  },
  'ssh is killed': async (t, scene) => {
    signalAll((await processesOf(scene.run.pid ?? 0)).ssh, 'SIGKILL');
    await endsWith6(t, scene);
  },
  'the agent is killed': async (t, scene) => {
    signalAll(await agentsOf(scene.directory), 'SIGKILL');
    await endsWith6(t, scene);
  },
  'the driver is stopped': async (t, scene) => {
    const { own } = await processesOf(scene.run.pid ?? 0);
    signalAll(own, 'SIGSTOP');
    await noAgents(scene);
    signalAll(own.toReversed(), 'SIGCONT');
    await endsWith6(t, scene);
  },
  'ssh is stopped': async (t, scene) => {
    const { ssh } = await processesOf(scene.run.pid ?? 0);
    signalAll(ssh, 'SIGSTOP');
    await endsWith6(t, scene);
    for (const pid of ssh) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  },
  'the agent is stopped': async (t, scene) => {
    const agents = await agentsOf(scene.directory);
    signalAll(agents, 'SIGSTOP');
    await endsWith6(t, scene);
    signalAll(agents, 'SIGCONT');
  },
};

let seed = 1300;
for (const [name, happens] of Object.entries(mishaps)) {
  const ownSeed = seed++;
  test.serial(name, async (t) => {
    const random = seededRandom(t, ownSeed);
    const { source, target, directory, state } = await equalPair(t);
    const { far, initWords } = await otherHost(t);
    const words = [
      ...[
        ...initWords(source, [far(target)], state).slice(0, -2),
        ...(await markedAgent(directory)),
      ],
      ...['--yes', '--peer-timeout', '5s', '--retry-for', '0', '--checkpoint-interval', '20'],
    ];
    for (let time = 0; time < repetitions({ whole: 6, sample: 1 }); time++) {
      const slow = ['--bwlimit', '2M', '--chunk', '64K', '--no-resume'];
      const run = fastsync([...words, ...slow]);
      t.teardown(async () => {
        run.kill('SIGKILL');
        await run;
        signalAll(await agentsOf(directory), 'SIGKILL');
      });
      await checkpointBeyond(run, directory, random.between(1, 4 * mebibyte));
      await sleep(random.between(0, 60));
      const scene = { run, directory };
      await happens(t, scene);
      await noAgents(scene);
      const { exitCode } = await execa('blkid', ['-p', target], { reject: false });
      t.is(exitCode, 2, 'no tool finds anything there');
      const resumed = await fastsyncJson(words);
      t.is(resumed.exitCode, 0, resumed.stderr);
      t.true(Number(resumed.summary.resumedBytes) > 0, 'it goes on where that one was');
      t.deepEqual(await agentsOf(directory), []);
      const check = ['--src', source, '--dst', target];
      const own = ['--state-dir', path.join(directory, `verify${time}`)];
      t.is((await fastverifyJson([...check, ...own])).exitCode, 0);
      await proveSame(t, ext4, source, target);
    }
  });
}
