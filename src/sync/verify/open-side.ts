/** The target as the other side of a comparison: on this host for reading or for repair, or on another host. */

import {
  fingerprintOf,
  type HostVolume,
  openVolume,
  overrides,
  type TargetFacts,
  type Volume,
} from '../../volume/index.js';
import { type Preflight, releasedOnFailure } from '../preflight.js';
import { openFarTarget } from '../far-target.js';
import type { Target } from '../target.js';
import { openHostTargets, type OpeningOptions } from '../targets.js';
import { type Comparator, volumeComparator } from './comparator.js';
import { digestComparator } from './digest-comparator.js';
import type { FarSide } from './far-side.js';
import type { VerifyRequest } from './request.js';

export interface OpenSide extends AsyncDisposable {
  readonly volume: Volume;
  /** Compares the source with this volume. */
  readonly comparator: Comparator;
  /** Distinguishes this volume from others of the same name, see fingerprintOf(). */
  readonly fingerprint: string;
}

/** What the preflight found about the only target. */
export function targetFactsOf({ targets: [target] }: Preflight): TargetFacts {
  const facts = target?.facts ?? null;
  if (facts === null) throw new Error('a target that was there is gone');
  return facts;
}

/** The preparation opened the remote volume and closes it; disposing this does nothing. */
export function farSide(
  { volume, algorithm }: Pick<FarSide, 'volume' | 'algorithm'>,
  source: HostVolume,
): OpenSide {
  return {
    volume,
    comparator: digestComparator(source, volume, algorithm),
    fingerprint: volume.fingerprint,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Opens the target on this host. */
export async function openNearSide(request: VerifyRequest, found: Preflight): Promise<OpenSide> {
  const opened = await (request.repair
    ? openForRepair(request, found)
    : openForReading(request, found));
  return releasedOnFailure(opened, async () => ({
    ...opened,
    comparator: volumeComparator(found.source, opened.volume),
    fingerprint: await fingerprintOf(opened.volume.identity),
  }));
}

type Opened = { readonly volume: HostVolume } & AsyncDisposable;

async function openForReading({ target }: VerifyRequest, found: Preflight): Promise<Opened> {
  const volume = await openVolume(target, { expected: targetFactsOf(found).identity });
  return { volume, [Symbol.asyncDispose]: () => volume.close() };
}

/** Opens the target on another host for writing, in the session that it was read in so far. */
export async function openFarForRepair(
  request: VerifyRequest,
  target: Target,
  { volume: { session }, algorithm }: FarSide,
  source: HostVolume,
): Promise<OpenSide> {
  const options = { ...writingOptions(request, source, target), overrides: request.overrides };
  const { volume } = await openFarTarget(target, session, options);
  return farSide({ volume, algorithm }, source);
}

function writingOptions(
  { overrides: allowed }: VerifyRequest,
  source: Volume,
  target: Target | undefined,
): OpeningOptions {
  const exclusive = !allowed.has(overrides.TARGET_IN_USE) && !allowed.has(overrides.TARGET_MOUNTED);
  // Do not shrink a larger file.
  const targetBytes = target?.facts?.identity.sizeBytes ?? 0;
  return { sizeBytes: Math.max(source.identity.sizeBytes, targetBytes), exclusive };
}

async function openForRepair(
  request: VerifyRequest,
  { source, targets }: Preflight,
): Promise<Opened> {
  const set = await openHostTargets(targets, writingOptions(request, source, targets[0]));
  const [opened] = set.targets;
  if (opened === undefined) throw new Error('a target that was opened is not there');
  return { volume: opened.volume, [Symbol.asyncDispose]: () => set[Symbol.asyncDispose]() };
}
