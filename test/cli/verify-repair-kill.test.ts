/** kill -9 at random moments of a repair: the next run repairs what is left. */

import { open } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { fastverify, fastverifyJson } from '../support/fastverify.js';
import { KillMoments } from '../support/kill-moment.js';
import { repetitions } from '../support/repetitions.js';
import { seededRandom } from '../support/random.js';
import { equalPair, ext4 } from '../support/replica.js';
import { proveSame } from '../support/seeding.js';
import { during } from '../support/until.js';

/** What e2image takes of a volume: all that is in use, by another tool. */
async function usedOf(image: string, directory: string, name: string): Promise<string> {
  const copy = path.join(directory, name);
  await execa('e2image', ['-ra', image, copy]);
  return copy;
}

for (const backend of ['uring', 'threads']) {
  test.serial(`killed again and again, a repair ends right (${backend})`, async (t) => {
    const random = seededRandom(t, 90);
    const { source, target, directory, words } = await equalPair(t);
    const { stdout } = await execa('debugfs', ['-R', 'blocks large', source]);
    const blocks = stdout.trim().split(/\s+/).map(Number);
    // Much of the largest file is another, and the head of the volume.
    const damage = async () => {
      const file = await open(target, 'r+');
      for (const block of blocks.filter(() => random.next() < 0.7)) {
        await file.write(random.bytes(4096), 0, 4096, block * 4096);
      }
      await file.write(random.bytes(3000), 0, 3000, 1100);
      await file.close();
    };
    const request = [...words, '--repair', '--yes', '--backend', backend];
    const moments = new KillMoments(random, 500);
    let killed = 0;
    while (killed < repetitions({ whole: 5, sample: 3 })) {
      await damage();
      const child = fastverify([...request, '--bwlimit', '24M', '--json', '--no-resume'], {
        stderr: 'ignore',
      });
      let seen = '';
      child.stdout?.on('data', (text: Buffer) => (seen += text.toString()));
      await during(child, () => seen.includes('"repairing"')).catch(() => undefined);
      await moments.kill(child);
      const { signal, exitCode } = await child;
      // It may have been done already; then it is damaged again.
      if (signal === 'SIGKILL') killed++;
      else t.is(exitCode, 0);
    }
    const last = await fastverifyJson(request);
    t.is(last.exitCode, 0, last.stderr);
    const [left, right] = [
      await usedOf(source, directory, 'left.img'),
      await usedOf(target, directory, 'right.img'),
    ];
    t.is((await execa('cmp', [left, right], { reject: false })).exitCode, 0);
    await proveSame(t, ext4, source, target);
  });
}
