/** hiberfil.sys: whether a hibernated Windows session assumes that it still has this volume open. */

import { findInDirectory } from './directory.js';
import type { Mft } from './mft.js';
import { attributeTypes } from './record.js';
import type { Volume } from './stream.js';
import type { SystemFiles } from './systemfiles.js';

const headerBytes = 4096;

/** The first bytes of hiberfil.sys. After resuming, Windows overwrites them with "wake" or zeros. */
const asleep: Readonly<Record<string, string>> = {
  hibr: 'Windows is hibernated, or was shut down with fast startup on',
  rstr: 'Windows stopped while it was resuming from hibernation',
};

/**
 * Why the volume must be taken as hibernated, or null. A file shorter than its header belongs to a
 * Windows whose system volume is another one (libntfs-3g/volume.c, ntfs_volume_check_hiberfile).
 * @throws ParseError where the root directory or the file cannot be read.
 */
export async function readHibernation(
  volume: Volume,
  mft: Mft,
  system: SystemFiles,
): Promise<string | null> {
  const root = system.stream('root directory', attributeTypes.indexRoot, '$I30');
  if (root === null) return 'there is no root directory to look for hiberfil.sys in';
  const blocks = system.stream('root directory', attributeTypes.indexAllocation, '$I30');
  const entry = await findInDirectory(volume, root, blocks, 'hiberfil.sys');
  if (entry === null) return null;
  const record = await mft.record(entry.recordNumber);
  if (record.sequence !== entry.sequence)
    return 'the directory entry of hiberfil.sys refers to another file';
  const streams = await mft.streams(record);
  const data = streams.find(({ type, name }) => type === attributeTypes.data && name === '');
  if (data === undefined || data.stream.sizeBytes < headerBytes) {
    return 'hiberfil.sys belongs to a Windows system on another volume';
  }
  const magic = String.fromCharCode(...(await data.stream.read(0, 4))).toLowerCase();
  return asleep[magic] ?? null;
}
