/** How long a seed to another host takes: over a private sshd on this one, against ssh itself. */

import { execa } from 'execa';
import { startSshd } from '../test/support/sshd.js';
import { type Contestant, contest } from './measure.js';
import { type ContestOptions, fastsync, makeSource } from './source.js';
import { scoreTable } from './table.js';
import { gibibyte } from './volumes.js';

const mebibyte = 1024 ** 2;

/** Seeds over ssh, first onto a target full of something else, then where little has changed. */
export async function remoteContest(options: ContestOptions): Promise<string> {
  const { workshop, fs, rounds, gib } = options;
  const { source, usedBytes } = await makeSource(options);
  const target = await workshop.loop(await workshop.image('target.img', gib * gibibyte));
  const sshd = await startSshd({
    teardown: (action) => {
      workshop.onDispose(async () => action());
    },
  });
  const shell = `ssh -F ${sshd.config} ${sshd.host}`;
  const init = [
    ...[...fastsync, 'init', '--src', source, '--dst', `${sshd.host}:${target}`],
    ...[...sshd.words, '--yes', '-q', '--no-resume'],
  ];
  const usedMebibytes = Math.ceil(usedBytes / mebibyte);
  const read = `dd if=${source} bs=1M iflag=direct status=none`;
  const write = `dd of=${target} bs=1M oflag=direct iflag=fullblock conv=notrunc status=none`;
  const contestants: Contestant[] = [
    { name: 'fastsync init over ssh', command: init },
    {
      name: 'dd of the used bytes, through ssh',
      command: ['bash', '-c', `${read} count=${usedMebibytes} | ${shell} '${write}'`],
    },
    { name: 'dd of all, through ssh', command: ['bash', '-c', `${read} | ${shell} '${write}'`] },
  ];
  const first = await contest(contestants, rounds, workshop.directory);
  const size = `${gib} GiB of ${fs}, ${(usedBytes / gibibyte).toFixed(2)} GiB used`;
  const tables = [scoreTable(`Seeding over ssh: ${size}`, first)];
  await execa(init[0] ?? '', init.slice(1));
  const again: Contestant[] = [
    { name: 'fastsync init --compare over ssh', command: [...init, '--compare'] },
    {
      name: 'fastverify over ssh',
      command: [
        ...['node', init[1]?.replace('fastsync.mjs', 'fastverify.mjs') ?? '', '--src', source],
        ...['--dst', `${sshd.host}:${target}`, ...sshd.words, '-q', '--no-resume'],
      ],
    },
    {
      name: 'rsync --inplace --no-whole-file of the device',
      command: [
        ...['rsync', '--inplace', '--no-whole-file', '--copy-devices', '--write-devices'],
        ...['-e', `ssh -F ${sshd.config}`, source, `${sshd.host}:${target}`],
      ],
    },
  ];
  const second = await contest(again, rounds, workshop.directory);
  return [...tables, scoreTable(`The same again, nothing changed: ${size}`, second)].join('\n');
}
