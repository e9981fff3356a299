/** Files that misbehave on demand: an nbdkit plugin and its filters, mounted as a file by nbdfuse. */

import { once } from 'node:events';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import { type Owner, scratchDirectory } from '../support/scratch.js';

async function exists(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** The file that `nbdkit ...plugin` serves, until the test ends. */
export async function nbdFile(
  t: Owner,
  plugin: readonly string[],
  options: readonly string[] = [],
): Promise<string> {
  const nbdkit = ['nbdkit', '--single', '--exit-with-parent', ...plugin];
  return nbdFuse(t, options, ['--command', ...nbdkit]);
}

async function nbdFuse(
  t: Owner,
  options: readonly string[],
  server: readonly string[],
): Promise<string> {
  const mountPoint = path.join(await scratchDirectory(t), 'nbd');
  await mkdir(mountPoint);
  const file = path.join(mountPoint, 'volume');
  const fuse = execa(...endingWithUs('nbdfuse', [...options, file, ...server]), {
    reject: false,
    stdio: 'ignore',
  });
  t.teardown(async () => {
    await execa('fusermount3', ['-u', '-z', mountPoint], { reject: false });
    await fuse;
  });
  while (fuse.exitCode === null) {
    if (await exists(file)) return file;
    await sleep(20);
  }
  throw new Error(`nbdfuse did not come up with ${server.join(' ')}`);
}

/** `backing` as a file that can have no holes, as on file systems without them. */
export function fileWithoutHoles(t: Owner, backing: string): Promise<string> {
  return nbdFile(t, ['--filter=nozero', 'split', backing]);
}

/** `backing` behind a server that takes discards, and ignores them. */
export function fileThatIgnoresDiscards(t: Owner, backing: string): Promise<string> {
  const server = ['--socket-activation', 'qemu-nbd', '--format=raw', '--discard=ignore', backing];
  return nbdFuse(t, [], server);
}

/** `backing` on a disk that, while paused, answers nobody. */
export async function pausableFile(t: Owner, backing: string) {
  const control = path.join(await scratchDirectory(t), 'pause');
  const file = await nbdFile(t, ['--filter=pause', 'file', backing, `pause-control=${control}`]);
  // nbdkit-pause-filter(1): a letter is an order, and comes back as a capital when it is carried out.
  const order = async (letter: 'p' | 'r') => {
    const socket = connect(control);
    socket.write(letter);
    // Where nbdkit has ended, so does the connection.
    const closed = once(socket, 'close').then(() => ['nothing']);
    const [answer] = (await Promise.race([once(socket, 'data'), closed])) as [unknown];
    socket.destroy();
    if (String(answer) !== letter.toUpperCase()) throw new Error(`nbdkit: ${String(answer)}`);
  };
  t.teardown(() => order('r'));
  return { file, pause: () => order('p'), resume: () => order('r') };
}

/** `backing` with bad sectors: reading any of `ranges` (start and length in bytes) gives EIO. */
export async function fileWithBadSectors(
  t: Owner,
  backing: string,
  sizeBytes: number,
  ranges: readonly (readonly [start: number, length: number])[],
): Promise<string> {
  const lines = ['# Mapfile', '0x0 +'];
  let end = 0;
  for (const [start, length] of ranges) {
    if (start > end) lines.push(`${end} ${start - end} +`);
    lines.push(`${start} ${length} -`);
    end = start + length;
  }
  if (sizeBytes > end) lines.push(`${end} ${sizeBytes - end} +`);
  const map = path.join(await scratchDirectory(t), 'ddrescue.map');
  await writeFile(map, `${lines.join('\n')}\n`);
  return nbdFile(t, ['--filter=ddrescue', 'file', backing, `ddrescue-mapfile=${map}`], ['-r']);
}
