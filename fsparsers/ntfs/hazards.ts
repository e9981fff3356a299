/** The reasons not to trust the volume as it is on the disk; each has a code. */

import { ParseError } from '../errors.js';
import type { Filesystem, Hazard } from '../usedmap.js';
import { readHibernation } from './hibernation.js';
import { readLogState, type LogState } from './logfile.js';
import type { Mft } from './mft.js';
import { attributeTypes } from './record.js';
import type { Volume } from './stream.js';
import type { SystemFiles } from './systemfiles.js';
import { readVolumeInfo, type VolumeInfo } from './volumeinfo.js';

export const ntfsHazards = {
  /** The dirty flag: chkdsk is due. */
  dirty: 'NTFS_DIRTY',
  /** $LogFile holds changes that the volume may lack. */
  logUnclean: 'NTFS_LOG_UNCLEAN',
  /** A hibernated Windows keeps changes in hiberfil.sys. */
  hibernated: 'NTFS_HIBERNATED',
  /** According to $LogFile, Windows keeps metadata in memory across a fast shutdown. */
  fastStartup: 'NTFS_FAST_STARTUP',
} as const;

export interface VolumeState {
  readonly info: VolumeInfo | null;
  readonly journal: Filesystem['journal'];
  readonly hazards: readonly Hazard[];
}

/** Reads everything about the volume's state. What cannot be read cannot be ruled out. */
export async function readVolumeState(
  volume: Volume,
  mft: Mft,
  system: SystemFiles,
): Promise<VolumeState> {
  const info = await orWhy(readVolumeInfo(system));
  const log = system.stream('$LogFile', attributeTypes.data);
  const logState = log === null ? 'it is missing' : await orWhy(readLogState(log));
  const hibernation = await orWhy(readHibernation(volume, mft, system));
  const hazards = [
    ...dirtyHazards(info),
    ...logHazards(typeof logState === 'string' ? { kind: 'unreadable', why: logState } : logState),
    ...(hibernation === null ? [] : [{ code: ntfsHazards.hibernated, message: hibernation }]),
  ];
  return {
    info: typeof info === 'string' ? null : info,
    journal: describeJournal(logState),
    hazards,
  };
}

/** The value, or a description of why it is unavailable. */
async function orWhy<T>(value: Promise<T>): Promise<T | string> {
  try {
    return await value;
  } catch (error) {
    if (error instanceof ParseError) return error.message;
    throw error;
  }
}

function dirtyHazards(info: VolumeInfo | string | null): Hazard[] {
  const hazard = (message: string): Hazard[] => [{ code: ntfsHazards.dirty, message }];
  if (info === null) return hazard('$Volume does not say whether the volume is dirty');
  if (typeof info === 'string') return hazard(`the dirty flag cannot be read: ${info}`);
  if (!info.isDirty) return [];
  return hazard(
    `the volume is flagged dirty (flags 0x${info.flags.toString(16).padStart(4, '0')})`,
  );
}

function logHazards(log: LogState): Hazard[] {
  if (log.kind === 'empty') return [];
  if (log.kind === 'unreadable') {
    return [{ code: ntfsHazards.logUnclean, message: `$LogFile cannot be parsed: ${log.why}` }];
  }
  const hazards: Hazard[] = [];
  if (log.kind === 'unclean') {
    hazards.push({
      code: ntfsHazards.logUnclean,
      message: 'according to $LogFile, the volume was not cleanly dismounted',
    });
  }
  if (log.version.startsWith('2.')) {
    hazards.push({
      code: ntfsHazards.fastStartup,
      message: `$LogFile has version ${log.version}: Windows keeps metadata of the volume for a fast startup`,
    });
  }
  return hazards;
}

function describeJournal(log: LogState | string): Filesystem['journal'] {
  if (typeof log === 'string') return { state: 'dirty', detail: log };
  switch (log.kind) {
    case 'empty':
      return { state: 'clean', detail: '$LogFile is empty' };
    case 'clean':
      return { state: 'clean', detail: `$LogFile version ${log.version}, closed cleanly` };
    case 'unclean':
      return { state: 'dirty', detail: `$LogFile version ${log.version}, not closed` };
    case 'unreadable':
      return { state: 'dirty', detail: log.why };
  }
}
