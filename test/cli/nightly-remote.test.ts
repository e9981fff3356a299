/** The nightly check of a pair whose replica is on another host. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { readHistory } from '../../src/history/index.js';
import { fastverify, flipBits } from '../support/fastverify.js';
import { equalPair } from '../support/replica.js';
import { mebibyte } from '../support/seeding.js';
import { startSshd } from '../support/sshd.js';

test('--all verifies and repairs over there, and goes on where a host cannot be reached', async (t) => {
  const pair = await equalPair(t);
  const sshd = await startSshd(t);
  const [, ssh = '', , remoteCommand = ''] = sshd.words;
  const config = path.join(pair.directory, 'fastsync.yaml');
  const state = path.join(pair.directory, 'state');
  const write = (settings: object) =>
    writeFile(
      config,
      JSON.stringify({
        stateDir: state,
        defaults: { ssh, remoteCommand },
        pairs: {
          lost: { src: pair.source, dst: `nobody.invalid:${pair.target}` },
          there: { src: pair.source, dst: `${sshd.host}:${pair.target}`, ...settings },
        },
      }),
    );
  const check = () => fastverify(['--all', '--config', config]);
  await write({});
  t.is((await check()).exitCode, 6);
  const records = (name: string) => readHistory(state, name);
  t.is((await records('there')).at(-1)?.outcome, 'equal');
  t.is((await records('lost')).at(-1)?.error?.code, 'LINK_LOST');
  const at = 40 * mebibyte;
  await flipBits(pair.target, [{ at, bit: 0 }]);
  const flipped = await check();
  await write({ repair: true });
  await check();
  const last = (await records('there')).at(-1);
  t.is(last?.outcome, 'equal', String(flipped.stdout));
});
