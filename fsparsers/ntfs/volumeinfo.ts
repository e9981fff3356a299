/** $Volume: label, version of the format, and the dirty flag. */

import { layout } from '../layout.js';
import { attributeTypes, decodeName } from './record.js';
import type { SystemFiles } from './systemfiles.js';

/** Linux fs/ntfs3/ntfs.h, struct VOLUME_INFO */
const infoLayout = layout('little', {
  majorVersion: [8, 'u8'],
  minorVersion: [9, 'u8'],
  flags: [10, 'u16'],
});

/** Others exist that say nothing against the volume; Windows sets an undocumented 0x0080. */
const dirtyFlag = 0x0001;
const checkUnderwayFlag = 0x4000;

const longestLabel = 128;

export interface VolumeInfo {
  readonly label: string | null;
  readonly version: string;
  readonly flags: number;
  readonly isDirty: boolean;
}

/** Null where $Volume does not say. @throws ParseError where it cannot be read. */
export async function readVolumeInfo(system: SystemFiles): Promise<VolumeInfo | null> {
  const stream = system.stream('$Volume', attributeTypes.volumeInformation);
  if (stream === null || stream.sizeBytes < infoLayout.sizeBytes) return null;
  const info = infoLayout.decode(await stream.read(0, infoLayout.sizeBytes));
  return {
    label: await readLabel(system),
    version: `${info.majorVersion}.${info.minorVersion}`,
    flags: info.flags,
    isDirty: (info.flags & (dirtyFlag | checkUnderwayFlag)) !== 0,
  };
}

async function readLabel(system: SystemFiles): Promise<string | null> {
  const stream = system.stream('$Volume', attributeTypes.volumeName);
  if (stream === null) return null;
  const units = Math.min(Math.floor(stream.sizeBytes / 2), longestLabel);
  return units === 0 ? null : decodeName(await stream.read(0, 2 * units), 0, units);
}
