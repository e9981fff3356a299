/** The targets of a run: what they are and hold before it, and how they are opened. */

import { isGivenUp } from '../in-flight.js';
import {
  createTargetFile,
  type HostVolume,
  identifyTarget,
  type Volume,
  refuseLocked,
  type Lock,
  type Override,
  openVolume,
  resizeTargetFile,
  type HostStorage,
  takeLock,
  type TargetFacts,
  type VolumeIdentity,
} from '../volume/index.js';
import { openFarTarget } from './far-target.js';
import { type Earlier, sharedByName, sharedByStorage } from './shared-storage.js';
import type { OpenTarget, Target } from './target.js';
import { contentsOf } from './target-contents.js';
import { usageOnAllHosts, type Waiting } from './other-hosts.js';

/**
 * Examines targets of this host; writes nothing. `source` is null where it is on another host; `logs` are
 * volumes that belong to the source, on which no target may be. Rejects as identifyVolume() does.
 */
export async function inspectTargets(
  paths: readonly string[],
  source: VolumeIdentity | null,
  hostStorage: HostStorage,
  waiting: Waiting,
  logs: readonly VolumeIdentity[] = [],
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const name of paths) {
    const identity = await hostStorage.identify(name);
    const earlier = [
      ...logs.map((identity) => ({ name: identity.path, path: identity.path, identity })),
      ...targets.map(({ path, facts }) => ({
        name: path,
        path,
        identity: facts?.identity ?? null,
      })),
    ];
    targets.push(
      identity === null
        ? {
            path: name,
            facts: null,
            stamp: null,
            sharedWith: await sharedByName(name, source, earlier, hostStorage),
          }
        : await inspectExisting(identity, source, earlier, hostStorage, waiting),
    );
  }
  return targets;
}

async function inspectExisting(
  identity: VolumeIdentity,
  source: VolumeIdentity | null,
  earlier: readonly Earlier[],
  hostStorage: HostStorage,
  waiting: Waiting,
): Promise<Target> {
  const sharedWith = await sharedByStorage(identity, source, earlier, hostStorage);
  const { holds, stamp } = await contentsOf(identity);
  const facts = {
    identity,
    usage: await usageOnAllHosts(hostStorage, identity, waiting),
    holds,
    sharedWith,
  };
  return { path: identity.path, facts, sharedWith, stamp };
}

/** Rejects with LOCKED where another run writes a volume: then it is our own process that has it open. */
export async function refuseOtherRuns(
  volumes: readonly Pick<TargetFacts, 'identity' | 'usage'>[],
): Promise<void> {
  for (const { identity, usage } of volumes) {
    const writers = usage.writers.map(({ pid }) => pid);
    await refuseLocked(identity.node, identity.path, writers);
  }
}

/** Open targets with their locks; disposing closes and unlocks them. */
export class TargetSet<Kind extends Volume = Volume> {
  readonly #held: { readonly volume: Kind; readonly lock: Lock }[] = [];
  readonly targets: OpenTarget<Kind>[] = [];

  hold(volume: Kind, lock: Lock): void {
    this.#held.push({ volume, lock });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { volume, lock } of this.#held) {
      await volume.close();
      // A volume that was given up may still receive writes in flight, so it stays locked as long
      // as this process exists.
      if (!isGivenUp(volume.identity.path)) await lock.release();
    }
  }
}

/**
 * Opens first what fails most easily and costs nothing; existing files are resized only when everything
 * else has succeeded.
 */
const openingOrder = (target: Target) =>
  target.facts === null ? 0 : target.facts.identity.kind === 'block' ? 1 : 2;

export interface OpeningOptions {
  readonly sizeBytes: number;
  readonly exclusive: boolean;
}

/**
 * Creates missing files, gives files the source's size, locks each target and opens it; the set has them
 * in the given order. Rejects with LOCKED where another run writes a target, as openVolume() does, and as
 * the agents of other hosts do.
 */
export function openTargets(
  targets: readonly Target[],
  options: OpeningOptions & { readonly overrides: ReadonlySet<Override> },
): Promise<TargetSet> {
  return openAll<Volume>(targets, async (target, set) => {
    if (target.far === undefined) return openTarget(target, options, set);
    const opened = await openFarTarget(target, target.far, options);
    set.hold(opened.volume, heldThere);
    return opened;
  });
}

/** The same for targets that are all on this host. */
export function openHostTargets(
  targets: readonly Target[],
  options: OpeningOptions,
): Promise<TargetSet<HostVolume>> {
  return openAll<HostVolume>(targets, (target, set) => openTarget(target, options, set));
}

/** Releases nothing: the agent's lock ends with its session. */
const heldThere: Lock = {
  release: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

async function openAll<Kind extends Volume>(
  targets: readonly Target[],
  open: (target: Target, set: TargetSet<Kind>) => Promise<OpenTarget<Kind>>,
): Promise<TargetSet<Kind>> {
  const set = new TargetSet<Kind>();
  const opened = new Map<Target, OpenTarget<Kind>>();
  try {
    for (const target of targets.toSorted((a, b) => openingOrder(a) - openingOrder(b))) {
      opened.set(target, await open(target, set));
    }
    set.targets.push(...targets.flatMap((target) => opened.get(target) ?? []));
    return set;
  } catch (error) {
    await set[Symbol.asyncDispose]();
    throw error;
  }
}

async function openTarget(
  { path: name, facts }: Target,
  options: OpeningOptions,
  set: Pick<TargetSet<HostVolume>, 'hold'>,
): Promise<OpenTarget<HostVolume>> {
  if (facts === null) await createTargetFile(name, options.sizeBytes);
  const expected = facts?.identity;
  const node = (expected ?? (await identifyTarget(name)))?.node ?? name;
  const lock = await takeLock(node, name);
  try {
    // Only where necessary: even a resize without effect looks like a write afterwards.
    const isOtherSize = expected !== undefined && expected.sizeBytes !== options.sizeBytes;
    const isResized = expected?.kind === 'file' && isOtherSize;
    if (isResized) await resizeTargetFile(expected, options.sizeBytes);
    const volume = await openVolume(name, {
      write: true,
      exclusive: options.exclusive,
      ...(expected === undefined ? {} : { expected }),
    });
    set.hold(volume, lock);
    return { volume, isNew: facts === null, isResized };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
