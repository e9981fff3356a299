/**
 * Whether another host uses a file system of the volume, according to ext4's multiple mount protection
 * (MMP).
 */

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteReader, SubReader } from '../../fsparsers/index.js';
import { readPartitionTables } from '../../fsparsers/disk/readtable.js';
import { type Mmp, readMmp } from '../../fsparsers/ext/mmp.js';
import type { Reporter } from '../report/index.js';
import { openVolume, type HostStorage, type Usage, type VolumeIdentity } from '../volume/index.js';

/** The interval between two reads of a block that may be written every second. */
const lookEveryMs = 500;
/** The most file systems that are watched at once. */
const mostFilesystems = 256;

/** Who is told about the wait, and who can end it. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter | undefined;
}

/**
 * The usage of the volume on this host and on others. A file system that was not cleanly unmounted is
 * watched for as long as a kernel would watch it before mounting, or until somebody writes its MMP block.
 */
export async function usageOnAllHosts(
  hostStorage: HostStorage,
  identity: VolumeIdentity,
  waiting: Waiting,
): Promise<Usage> {
  const usage = await hostStorage.usageOf(identity);
  return { ...usage, elsewhere: await usersElsewhere(identity, usage, waiting) };
}

async function usersElsewhere(
  identity: VolumeIdentity,
  usage: Usage,
  waiting: Waiting,
): Promise<string[]> {
  const isMountedHere = usage.mounts.some(({ readOnly }) => !readOnly);
  try {
    await using volume = await openVolume(identity.path);
    const { path, sizeBytes, logicalBlockBytes, kind } = volume.identity;
    // Past the cache, which does not see writes by other hosts.
    const reader = volume.directReader;
    const places = await filesystemsOn(reader, kind === 'block' ? logicalBlockBytes : undefined);
    const [whole] = places;
    if (isMountedHere && whole?.sizeBytes === sizeBytes) return [];
    const found = await Promise.all(
      places.map((place) => userOf(place, path, isMountedHere ? hostname() : null, waiting)),
    );
    return found.filter((user) => user !== null);
  } catch {
    // A read error is reported by whoever reads the content.
    waiting.signal?.throwIfAborted();
    return [];
  }
}

/** The volume itself, or the partitions of a disk. */
async function filesystemsOn(reader: ByteReader, sectorBytes?: number): Promise<ByteReader[]> {
  if ((await readMmp(reader)) !== null) return [reader];
  const tables = await readPartitionTables(
    reader,
    sectorBytes === undefined ? {} : { sectorBytes },
  ).catch(() => []);
  return tables
    .flatMap(({ partitions }) => partitions)
    .filter(({ start, length }) => start + length <= reader.sizeBytes)
    .slice(0, mostFilesystems)
    .map(({ start, length }) => new SubReader(reader, start, length));
}

/** Describes who has the file system; null: nobody. `ours` is the name of a host that may have it. */
async function userOf(
  reader: ByteReader,
  path: string,
  ours: string | null,
  { signal, reporter }: Waiting,
): Promise<string | null> {
  const first = await readMmp(reader);
  if (first === null || first.state === 'clean') return null;
  if (ours !== null && first.nodeName === ours) return null;
  if (first.state === 'fsck')
    return `e2fsck is running on it, or was interrupted: ${wordsOf(first)}`;
  reporter?.report({
    type: 'note',
    severity: 'info',
    code: 'WATCHED_FOR_OTHERS',
    message: `${path} was not cleanly unmounted (${wordsOf(first)}): watching for up to ${first.waitSeconds} s whether another host has it mounted`,
  });
  const until = performance.now() + first.waitSeconds * 1000;
  while (performance.now() < until) {
    await sleep(lookEveryMs, undefined, signal === undefined ? {} : { signal });
    const now = await readMmp(reader);
    if (now === null || now.state === 'clean') return null;
    if (now.sequence !== first.sequence) return `mounted by another host: ${wordsOf(now)}`;
  }
  return null;
}

function wordsOf({ nodeName, deviceName, time }: Mmp): string {
  const at = new Date(time * 1000);
  const when = Number.isNaN(at.getTime()) ? 'at an invalid time' : at.toISOString();
  const name = (text: string | null) => JSON.stringify(text ?? '');
  return `node ${name(nodeName)}, device ${name(deviceName)}, last updated ${when}`;
}
