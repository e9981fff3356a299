/** Writes a manifest of the ranges of a volume that init would copy, or of all. */

import type { MapOptions, UsedMap } from '../../../fsparsers/index.js';
import type { DigestAlgorithm, IoOptions } from '../../engine/index.js';
import { type ManifestSummary, writeManifest } from '../../manifest/index.js';
import { readableExtents, usedExtents } from '../../region/index.js';
import { Meter } from '../../report/index.js';
import { hazardRefusals, overrides, type Override } from '../../volume/index.js';
import { mapSource } from '../map-source.js';
import {
  countingDetector,
  annotate,
  firstWriteCounterOf,
  type PairContext,
  refuseAll,
} from '../verify/index.js';
import { prepareRead } from './prepare.js';

export interface MakeRequest {
  readonly volume: string;
  readonly file: string;
  readonly algorithm: DigestAlgorithm;
  /** Absent: defaults that suit every volume. */
  readonly cellBytes: number | undefined;
  readonly map: MapOptions;
  readonly free: 'ignore' | 'verify';
  readonly ioOptions: IoOptions;
  readonly overrides: ReadonlySet<Override>;
}

export interface MadeManifest {
  readonly summary: ManifestSummary;
  readonly map: UsedMap;
  /** Why the manifest may not describe a single moment; null: no such reason is known. */
  readonly doubt: string | null;
  readonly seconds: number;
}

/** Rejects as openVolume(), mapVolume() and writeManifest() do, and with a refusal's error. */
export async function makeManifest(
  request: MakeRequest,
  { reporter, signal }: PairContext,
): Promise<MadeManifest> {
  const startedMs = performance.now();
  await using prepared = await prepareRead(request, 'at rest', { reporter, signal });
  const { volume } = prepared;
  await refuseAll(prepared.refusals);
  const detector = countingDetector(
    [volume],
    [await firstWriteCounterOf(volume)],
    volume.identity.sizeBytes,
  );
  const map = await mapSource(volume, { map: request.map, dirty: 'refuse', signal });
  for (const note of map.notes) reporter.report({ type: 'note', ...note });
  const hazards = hazardRefusals(volume.identity, map.hazards ?? []);
  await refuseAll(hazards.filter(({ code }) => !request.overrides.has(overrides[code])));
  const isAll = request.free === 'verify';
  const meter = new Meter();
  const summary = await writeManifest({
    ...request,
    volume,
    map,
    extents: isAll ? readableExtents(map) : usedExtents(map.ranges),
    signal,
    onUnreadable: (ranges) => {
      for (const range of annotate(map, ranges)) {
        const place = { ...range, cause: 'unreadable', repaired: false } as const;
        reporter.report({ type: 'range', answer: 'not proven', ...place });
      }
    },
    onProgress: ({ totalBytes, completedBytes, badBytes }) => {
      const skippedBytes = map.deviceBytes - totalBytes;
      const reading = { phase: 'digesting', totalBytes, completedBytes, badBytes, skippedBytes };
      reporter.report(meter.sample(performance.now(), reading));
    },
  });
  const written = await detector.writtenSince();
  const isTouched = written !== 'unknown' && written.length > 0;
  return {
    summary,
    map,
    doubt: isTouched
      ? `${request.volume} was written during the run: the manifest does not describe a single moment`
      : null,
    seconds: (performance.now() - startedMs) / 1000,
  };
}
