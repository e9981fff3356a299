/**
 * Detects shared storage: a target that is the source or an earlier target, a part of it, or lies on the
 * source's file system. ssh may lead back to this host, and two hosts may share a disk.
 */

import path from 'node:path';
import { bootId, type HostStorage, type VolumeIdentity } from '../volume/index.js';
import type { Target } from './target.js';

/** A volume that no target may share storage with. */
export interface Earlier {
  /** As the user calls it. */
  readonly name: string;
  /** Where it is on this host. */
  readonly path: string;
  /** Null: nothing is there yet. */
  readonly identity: VolumeIdentity | null;
}

/** The name of what `identity` shares storage with, or null. Both are on this host. */
export async function sharedByStorage(
  identity: VolumeIdentity,
  source: VolumeIdentity | null,
  earlier: readonly Earlier[],
  hostStorage: HostStorage,
): Promise<string | null> {
  if (source !== null && identity.kind === 'file' && identity.node !== source.node) {
    const isInside = await hostStorage.liesOn(path.dirname(identity.realPath), source);
    if (isInside) return `the file system on ${source.path}`;
  }
  const before = source === null ? [] : [{ name: source.path, identity: source }];
  for (const other of [...before, ...earlier]) {
    if (other.identity === null) continue;
    if (await hostStorage.share(other.identity, identity)) return other.name;
  }
  return null;
}

/** The same for a file of this host that is not there yet. */
export async function sharedByName(
  file: string,
  source: VolumeIdentity | null,
  earlier: readonly Earlier[],
  hostStorage: HostStorage,
): Promise<string | null> {
  const duplicate = earlier.find((other) => path.resolve(other.path) === path.resolve(file));
  if (duplicate !== undefined) return duplicate.name;
  if (source === null) return null;
  const onSource = await hostStorage.liesOn(path.dirname(path.resolve(file)), source);
  return onSource ? `the file system on ${source.path}` : null;
}

/** A target as the agent of another host describes it. */
export interface RemoteTarget {
  readonly path: string;
  /** Null: nothing is there yet. */
  readonly identity: VolumeIdentity | null;
  /** The boot ID of the kernel that identified it. */
  readonly bootId: string;
}

/** What else a target may share storage with. */
export interface KnownStorage {
  readonly hostStorage: HostStorage;
  /** The targets that have been inspected before. */
  readonly earlier: readonly Target[];
}

/** The name of what a target on another host shares storage with, or null. */
export async function sharedByRemoteTarget(
  target: RemoteTarget,
  source: VolumeIdentity,
  known?: KnownStorage,
): Promise<string | null> {
  const { identity } = target;
  if (identity !== null && (await isSharedAcrossHosts(source, identity, target.bootId)))
    return source.path;
  if (known === undefined) return null;
  for (const { path: name, facts, far } of known.earlier) {
    const isSameHost = far?.bootId === target.bootId;
    const isSame =
      identity === null || facts === null
        ? isSameHost && far.address.path === target.path
        : isSameHost
          ? facts.identity.node === identity.node
          : await isSharedAcrossHosts(facts.identity, identity, target.bootId);
    if (isSame) return name;
  }
  return target.bootId !== '' && target.bootId === (await bootId())
    ? sharedHere(target, source, known)
    : null;
}

/** ssh has led back to this host: its own paths tell more than what the agent says of one volume. */
async function sharedHere(
  target: RemoteTarget,
  source: VolumeIdentity,
  { hostStorage, earlier }: KnownStorage,
): Promise<string | null> {
  const others: Earlier[] = [];
  for (const { path: name, facts, far } of earlier) {
    if (far === undefined) {
      others.push({ name, path: name, identity: facts?.identity ?? null });
    } else if (far.bootId === target.bootId) {
      const identity = await hostStorage.identify(far.address.path).catch(() => null);
      others.push({ name, path: far.address.path, identity });
    }
  }
  const local = await hostStorage.identify(target.path).catch(() => null);
  return local === null
    ? sharedByName(target.path, source, others, hostStorage)
    : sharedByStorage(local, source, others, hostStorage);
}

/** Whether a volume of this host and one of another are the same. `bootIdThere`: as of RemoteTarget. */
export async function isSharedAcrossHosts(
  here: VolumeIdentity,
  there: VolumeIdentity,
  bootIdThere: string,
): Promise<boolean> {
  const bootIdHere = await bootId();
  if (bootIdHere === '' || bootIdThere !== bootIdHere) return isSameDisk(here, there);
  return there.node === `remote:${bootIdHere}:${here.node}`;
}

function isSameDisk(one: VolumeIdentity, other: VolumeIdentity): boolean {
  return (
    one.serial !== null &&
    one.serial === other.serial &&
    one.model === other.model &&
    one.sizeBytes === other.sizeBytes &&
    (one.partitionOf === null) === (other.partitionOf === null)
  );
}
