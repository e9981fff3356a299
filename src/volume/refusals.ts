/** Reasons not to begin: each refusal has a code, a remedy and an override of its own. */

import type { Hazard } from '../../fsparsers/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import type { VolumeIdentity } from './identity.js';
import type { Usage } from './usage.js';

/** Refusals and the option that overrides each. There is no option that overrides all. */
export const overrides = {
  SOURCE_MOUNTED: 'allow-mounted-source',
  SOURCE_OPEN: 'allow-open-source',
  NTFS_DIRTY: 'allow-ntfs-dirty',
  NTFS_LOG_UNCLEAN: 'allow-unclean-logfile',
  NTFS_HIBERNATED: 'allow-hibernated',
  NTFS_FAST_STARTUP: 'allow-fast-startup',
  SOURCE_IN_USE_ELSEWHERE: 'allow-source-elsewhere',
  TARGET_MOUNTED: 'allow-mounted-target',
  TARGET_IN_USE: 'allow-busy-target',
  TARGET_IN_USE_ELSEWHERE: 'allow-target-elsewhere',
  TARGET_TOO_SMALL: 'allow-small-target',
  SAME_STORAGE: 'allow-same-storage',
  TARGET_HAS_DATA: 'yes',
  NOT_A_REPLICA: 'allow-unknown-target',
  SECTOR_SIZE: 'allow-sector-size',
} as const;

export type RefusalCode = keyof typeof overrides;
export type Override = (typeof overrides)[RefusalCode];

/** What each override does, for the help. */
export const overrideHelp: Readonly<Record<Override, string>> = {
  'allow-mounted-source': 'Use a source that is mounted read-write: the copy may be inconsistent',
  'allow-open-source': 'Use a source that a process has open for writing',
  'allow-ntfs-dirty': 'Trust the map of an NTFS volume whose dirty flag is set',
  'allow-unclean-logfile': 'Trust the map of an NTFS volume whose $LogFile was not replayed',
  'allow-hibernated': 'Trust the map of an NTFS volume whose Windows is hibernated',
  'allow-fast-startup': 'Trust the map of an NTFS volume that was shut down with fast startup',
  'allow-source-elsewhere': 'Use a source that another host has mounted (ext4 with MMP)',
  'allow-mounted-target': 'Write to a mounted target: its mounted file system will be corrupted',
  'allow-busy-target': 'Write to a target that something else has open',
  'allow-target-elsewhere': 'Write to a target that another host has mounted (ext4 with MMP)',
  'allow-small-target': 'Write to a smaller target as much of the source as fits (exit 3)',
  'allow-same-storage': 'Continue although source and target seem to share storage',
  'allow-unknown-target':
    'Repair a target that neither looks like the source nor was ever proven equal to it',
  'allow-sector-size':
    'Write to a target whose sector size the file systems of the source do not support',
  yes: 'Overwrite a target that holds data, without asking',
};

export interface Refusal {
  readonly code: RefusalCode;
  /** The finding, without a full stop. */
  readonly message: string;
  /** What the user can do instead of overriding it. */
  readonly remedy: string;
}

/** What is known about the source before a run. */
export interface SourceFacts {
  readonly identity: VolumeIdentity;
  readonly usage: Usage;
}

/** What is known about one target before a run. */
export interface TargetFacts {
  readonly identity: VolumeIdentity;
  readonly usage: Usage;
  /** Its present contents, one line each. */
  readonly holds: readonly string[];
  /** The storage it shares with the source or an earlier target, or null. */
  readonly sharedWith: string | null;
}

/** Every reason not to begin. Pure: the same facts give the same refusals. */
export function findRefusals(source: SourceFacts, targets: readonly TargetFacts[]): Refusal[] {
  return [
    ...sourceRefusals(source),
    ...targets.flatMap((target) => targetRefusals(target, source.identity.sizeBytes)),
  ];
}

function sourceRefusals({ identity, usage }: SourceFacts): Refusal[] {
  const refusals: Refusal[] = [];
  const mount = usage.mounts.find(({ readOnly }) => !readOnly);
  if (mount !== undefined) {
    refusals.push({
      code: 'SOURCE_MOUNTED',
      message: `the source ${identity.path} is mounted read-write${mountedWhere(mount, identity)}`,
      remedy: 'unmount it, or remount it read-only',
    });
  }
  const [writer] = usage.writers;
  const [swap] = usage.swaps;
  if (swap !== undefined) {
    refusals.push({
      code: 'SOURCE_OPEN',
      message: `the source ${identity.path} is in use as swap space`,
      remedy: 'switch it off (swapoff)',
    });
  } else if (writer !== undefined) {
    refusals.push({
      code: 'SOURCE_OPEN',
      message: `the source ${identity.path} is open for writing by ${writer.command} (pid ${writer.pid})`,
      remedy: 'stop that process',
    });
  }
  const [host] = usage.elsewhere ?? [];
  if (host !== undefined) {
    refusals.push({
      code: 'SOURCE_IN_USE_ELSEWHERE',
      message: `the source ${identity.path} is in use elsewhere, ${host}`,
      remedy: elsewhereRemedy,
    });
  }
  return refusals;
}

const elsewhereRemedy = 'unmount it there (after an interrupted e2fsck: tune2fs -f -E clear_mmp)';

/** A target that is the source itself, a part of it, or lies on its file system. */
export function sharedStorage(path: string, sharedWith: string): Refusal {
  return {
    code: 'SAME_STORAGE',
    message: `the target ${path} and ${sharedWith} are the same storage`,
    remedy: 'name another target',
  };
}

/** Repairs write only to replicas; another volume under the same name belongs to somebody else. */
export function notReplica({ identity, holds }: TargetFacts, source: VolumeIdentity): Refusal {
  const what = holds.length === 0 ? 'nothing recognisable' : holds.join('; ');
  return {
    code: 'NOT_A_REPLICA',
    message: `the target ${identity.path} is not a replica of ${source.path}: it holds ${what}, and no run has proven them equal`,
    remedy: 'check that it is the right volume, and seed it with fastsync init',
  };
}

/** The source's file system gives these reasons not to trust its map. */
export function hazardRefusals(source: VolumeIdentity, hazards: readonly Hazard[]): Refusal[] {
  return hazards.map(({ code, message }) => ({
    code,
    message: `the source ${source.path}: ${message}`,
    remedy: 'shut Windows down completely, or use every byte with --whole',
  }));
}

/** `sourceBytes`: the size that a device must have. */
export function targetRefusals(target: TargetFacts, sourceBytes: number): Refusal[] {
  const { identity, usage, holds, sharedWith } = target;
  const { path } = identity;
  const refusals: Refusal[] = [];
  if (sharedWith !== null) {
    refusals.push(sharedStorage(path, sharedWith));
  }
  const [mount] = usage.mounts;
  if (mount !== undefined) {
    refusals.push({
      code: 'TARGET_MOUNTED',
      message: `the target ${path} is mounted${mountedWhere(mount, identity)}`,
      remedy: 'unmount it',
    });
  }
  const user = busyWith(usage);
  if (user !== null) {
    refusals.push({
      code: 'TARGET_IN_USE',
      message: `the target ${path} is in use: ${user}`,
      remedy: 'stop what uses it',
    });
  }
  const [host] = usage.elsewhere ?? [];
  if (host !== undefined) {
    refusals.push({
      code: 'TARGET_IN_USE_ELSEWHERE',
      message: `the target ${path} is in use elsewhere, ${host}`,
      remedy: elsewhereRemedy,
    });
  }
  // A file grows to the source's size; only a device can be too small.
  if (identity.kind === 'block' && identity.sizeBytes < sourceBytes) {
    refusals.push({
      code: 'TARGET_TOO_SMALL',
      message: `the target ${path} has ${identity.sizeBytes} bytes, the source has ${sourceBytes}`,
      remedy: 'name a target of at least that size',
    });
  }
  if (holds.length > 0) {
    refusals.push({
      code: 'TARGET_HAS_DATA',
      message: `the target ${path} holds ${holds.join('; ')}, which would be overwritten`,
      remedy: 'check that it is the right target',
    });
  }
  return refusals;
}

function mountedWhere(mount: Usage['mounts'][number], { path }: VolumeIdentity): string {
  const through = mount.by === path ? '' : ` through ${mount.by}`;
  return `${through} on ${mount.directory}${mount.own ? '' : ' in another mount namespace'}`;
}

function busyWith({ swaps, holders, writers }: Usage): string | null {
  const [swap] = swaps;
  if (swap !== undefined) return `${swap} is swap space`;
  const [holder] = holders;
  if (holder !== undefined) return `${holder} uses it`;
  const [writer] = writers;
  return writer === undefined
    ? null
    : `${writer.command} (pid ${writer.pid}) has it open for writing`;
}

/** A refusal as the error that ends the command: the sentence, the remedy, the override. */
export function refusalError({ code, message, remedy }: Refusal): FastsyncError {
  return new FastsyncError({
    code,
    exitCode: exitCodes.refused,
    message,
    remedy: `${remedy}; --${overrides[code]} overrides`,
  });
}
