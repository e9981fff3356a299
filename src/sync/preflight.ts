/** The preflight of every run: examines the source, each target, and what uses them. Writes nothing. */

import { access } from 'node:fs/promises';
import path from 'node:path';
import type { UsedMap } from '../../fsparsers/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import { reach } from '../reach.js';
import {
  findRefusals,
  hazardRefusals,
  type HostStorage,
  identifyVolume,
  openVolume,
  parseAddress,
  type Override,
  overrides as overrideOf,
  type Refusal,
  type RefusalCode,
  sharedStorage,
  surveyHostStorage,
  type Usage,
  type HostVolume,
  type VolumeIdentity,
} from '../volume/index.js';
import { inspectFarTarget, type RemoteAccess } from './far-target.js';
import { usageOnAllHosts, type Waiting } from './other-hosts.js';
import { sectorRefusals } from './sector-size.js';
import type { Target } from './target.js';
import { inspectTargets, refuseOtherRuns } from './targets.js';

export interface PreflightRequest extends Waiting {
  readonly source: string;
  readonly targets: readonly string[];
  /** The device of the source's external journal or log, if any: no target may be on it. */
  readonly logDevice?: string | undefined;
  readonly overrides: ReadonlySet<Override>;
  /** Targets may be on other hosts. */
  readonly remote?: RemoteAccess | undefined;
}

/** What a kind of run requires of its volumes. */
export interface Policy {
  /** The volumes that no other run of fastsync may be writing. */
  readonly claims: { readonly source: boolean; readonly targets: boolean };
  /** Directories written while the source is frozen: they must not lie on its file system. */
  readonly directories?: readonly string[];
  /** The run does not create targets: a path that does not exist is an error. */
  readonly targetsExist?: boolean;
  /** Rejects if the run cannot work with this source. */
  readonly checkSource?: (source: HostVolume) => Promise<void>;
  /** Refusals that do not apply to this kind of run. */
  readonly ignores: (code: RefusalCode) => boolean;
}

export interface Preflight extends AsyncDisposable {
  readonly source: HostVolume;
  /** What uses the source. */
  readonly usage: Usage;
  readonly targets: readonly Target[];
}

/**
 * Opens the source and examines everything. Rejects as openVolume() does, with LOCKED where another run
 * writes a volume that this one claims, and with JOURNAL_ON_SOURCE.
 */
export async function preflight(request: PreflightRequest, policy: Policy): Promise<Preflight> {
  const source = await openVolume(request.source);
  return releasedOnFailure(source, async () => {
    await policy.checkSource?.(source);
    if (policy.targetsExist === true)
      await Promise.all(request.targets.map((target) => identifyVolume(target)));
    const { logDevice } = request;
    const { directories = [], claims } = policy;
    const others = logDevice === undefined ? [] : [logDevice];
    const isFar = (target: string) => request.remote !== undefined && parseAddress(target) !== null;
    const hostStorage = await surveyHostStorage([
      ...[request.source, ...request.targets.filter((target) => !isFar(target))],
      ...[...others, ...directories],
    ]);
    for (const directory of directories) await refuseOnSource(directory, source, hostStorage);
    const logs = await Promise.all(others.map((other) => identifyVolume(other)));
    const { identity } = source;
    const targets = await inspectAll(request, identity, hostStorage, logs);
    const release = async () => {
      await source.close();
      for (const { far } of targets) await far?.end();
    };
    return releasedOnFailure({ [Symbol.asyncDispose]: release }, async () => {
      const usage = await usageOnAllHosts(hostStorage, identity, request);
      const near = targets.filter(({ far }) => far === undefined);
      await refuseOtherRuns([
        ...(claims.source ? [{ identity, usage }] : []),
        ...(claims.targets ? near.flatMap(({ facts }) => facts ?? []) : []),
      ]);
      return { source, usage, targets, [Symbol.asyncDispose]: release };
    });
  });
}

/** The targets of this host and of others, in the order that they are named in. */
async function inspectAll(
  request: PreflightRequest,
  source: VolumeIdentity,
  hostStorage: HostStorage,
  logs: readonly VolumeIdentity[],
): Promise<Target[]> {
  const { targets: names, remote } = request;
  const addresses = names.map((name) => (remote === undefined ? null : parseAddress(name)));
  const near = names.filter((_, index) => addresses[index] === null);
  const inspected = await inspectTargets(near, source, hostStorage, request, logs);
  const distant: Target[] = [];
  try {
    for (const address of addresses) {
      if (address === null || remote === undefined) continue;
      const known = { hostStorage, earlier: [...inspected, ...distant] };
      distant.push(await inspectFarTarget(address, source, known, remote, request));
    }
  } catch (error) {
    for (const { far } of distant) await far?.end();
    throw error;
  }
  return addresses.flatMap((address) => {
    const target = address === null ? inspected.shift() : distant.shift();
    return target ?? [];
  });
}

/** All refusals about the volumes, before overrides apply. */
export function volumeRefusals({ source: { identity }, usage, targets }: Preflight): Refusal[] {
  const facts = targets.flatMap((target) => target.facts ?? []);
  return [...findRefusals({ identity, usage }, facts), ...newTargetRefusals(targets)];
}

/** The only refusal for a file that does not exist yet is its location. */
function newTargetRefusals(targets: readonly Target[]): Refusal[] {
  return targets.flatMap(({ path: name, facts, sharedWith }) =>
    facts === null && sharedWith !== null ? [sharedStorage(name, sharedWith)] : [],
  );
}

/** The refusals that come from the source's own file system. */
export function mapRefusals({ source }: Preflight, { hazards = [] }: UsedMap): Refusal[] {
  return hazardRefusals(source.identity, hazards);
}

/** The refusals where the source's file systems cannot be mounted on the targets' sector size. */
export function targetSectorRefusals(
  { source, targets }: Preflight,
  { partitions = [] }: Pick<UsedMap, 'partitions'>,
): Promise<Refusal[]> {
  return sectorRefusals(
    source,
    partitions,
    targets.flatMap(({ facts }) => facts ?? []),
  );
}

/** The refusals that apply to this kind of run and that no override covers. */
export function standing(
  refusals: readonly Refusal[],
  { overrides }: Pick<PreflightRequest, 'overrides'>,
  { ignores }: Pick<Policy, 'ignores'>,
): Refusal[] {
  return refusals.filter(({ code }) => !ignores(code) && !overrides.has(overrideOf[code]));
}

/** Runs the action; where it fails, disposes what it works with. */
export async function releasedOnFailure<T>(
  held: AsyncDisposable,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}

async function refuseOnSource(directory: string, source: HostVolume, hostStorage: HostStorage) {
  const { identity } = source;
  if (!(await hostStorage.liesOn(await nearestExisting(directory), identity))) return;
  throw new FastsyncError({
    code: 'JOURNAL_ON_SOURCE',
    exitCode: exitCodes.refused,
    message: `${directory} lies on the file system on ${identity.path}, which is frozen while it is written`,
    remedy: 'choose another place with --state-dir and --journal',
  });
}

async function nearestExisting(directory: string): Promise<string> {
  await reach(directory);
  for (let place = path.resolve(directory); ; place = path.dirname(place)) {
    const exists = await access(place).then(
      () => true,
      () => false,
    );
    if (exists || place === path.dirname(place)) return place;
  }
}
