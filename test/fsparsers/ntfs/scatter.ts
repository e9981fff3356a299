/** Takes the $MFT and the $Bitmap of a volume of small clusters apart, as years of use do. */

import {
  clustersOf,
  dataOf,
  decodeRuns,
  nonResident,
  type NtfsImage,
  placesApart,
  resident,
  type Run,
  types,
} from './edit.js';

/** Where there is room for moved clusters. */
export const spare = 10_000;

/** Replaces a record's $DATA, and what else is given, by other attributes. */
export function replaceData(
  volume: NtfsImage,
  number: number,
  replacement: readonly Buffer[],
): void {
  const attributes = volume.attributes(number);
  const others = attributes.filter((attribute) => attribute !== dataOf(attributes));
  volume.setAttributes(number, [...others, ...replacement]);
}

export function bitmapBytes(volume: NtfsImage): number {
  return Number(dataOf(volume.attributes(6)).readBigUInt64LE(48));
}

/** Moves $Bitmap's clusters apart. */
export function scatterBitmap(volume: NtfsImage, firstTarget = spare): Run[] {
  const clusters = clustersOf(decodeRuns(dataOf(volume.attributes(6))));
  const runs = placesApart(clusters.length, firstTarget);
  volume.move(clusters, runs);
  return runs;
}

/**
 * Moves $Bitmap's clusters apart and describes them in record 6 and two unused ones. Its attribute
 * list is resident, or lies in `listCluster`.
 */
export function splitBitmap(
  volume: NtfsImage,
  listCluster: number | null,
  { firstTarget = spare, extensions = [24, 25] } = {},
): void {
  const { clusterBytes } = volume;
  const dataBytes = bitmapBytes(volume);
  if (listCluster !== null) volume.setUsed(listCluster, true);
  const runs = scatterBitmap(volume, firstTarget);
  const third = Math.ceil(runs.length / 3);
  const piece = (instance: number, from: number, to: number): Buffer =>
    nonResident({
      type: types.data,
      instance,
      runs: runs.slice(from, to),
      lowestVcn: from,
      clusterBytes,
      dataBytes,
    });
  const first = piece(50, 0, third);
  const others = [piece(0, third, 2 * third), piece(3, 2 * third, runs.length)];
  const attributes = volume.attributes(6);
  const kept = attributes.filter((attribute) => attribute !== dataOf(attributes));
  const entries = kept.map((attribute) => volume.listEntry(6, attribute));
  entries.push(volume.listEntry(6, first));
  for (const [index, other] of others.entries()) {
    const number = extensions[index] ?? 0;
    volume.makeExtension(number, 6, [other]);
    entries.push(volume.listEntry(number, other));
  }
  const list = Buffer.concat(entries);
  if (listCluster !== null) list.copy(volume.bytes, listCluster * clusterBytes);
  const listAttribute =
    listCluster === null
      ? resident(types.attributeList, 60, list)
      : nonResident({
          type: types.attributeList,
          instance: 60,
          runs: [{ lcn: listCluster, count: 1 }],
          clusterBytes,
          dataBytes: list.length,
        });
  volume.setAttributes(6, [...kept, first, listAttribute]);
}

/**
 * Moves all but the first four records of the $MFT, four by four, and describes its clusters in one,
 * two or three records. The second of these lies in the first piece, the third in the second.
 */
export function scatterMft(volume: NtfsImage, pieceCount: number, firstTarget = spare): number {
  const { clusterBytes } = volume;
  const attributes = volume.attributes(0);
  const data = dataOf(attributes);
  const clusters = clustersOf(decodeRuns(data));
  const runClusters = 8;
  const home = { lcn: clusters[0] ?? 0, count: runClusters };
  const apart = placesApart(clusters.length - runClusters, firstTarget, runClusters);
  const runs = [home, ...apart];
  const ends = [6, 9].slice(0, pieceCount - 1);
  const pieces = [...ends, runs.length].map((end, index) => {
    const start = ends[index - 1] ?? 0;
    return nonResident({
      type: types.data,
      instance: 70 + index,
      runs: runs.slice(start, end),
      lowestVcn: start * runClusters,
      clusterBytes,
      dataBytes: Number(data.readBigUInt64LE(48)),
      initializedBytes: Number(data.readBigUInt64LE(56)),
      allocatedBytes: clusters.length * clusterBytes,
    });
  });
  const others = attributes.filter((attribute) => attribute !== data);
  const holders = [0, 15, 24];
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) volume.makeExtension(holders[index] ?? 0, 0, [piece]);
  }
  const entries = [
    ...others.map((attribute) => ({ attribute, holder: 0 })),
    ...pieces.map((attribute, index) => ({ attribute, holder: holders[index] ?? 0 })),
  ].toSorted((a, b) => a.attribute.readUInt32LE(0) - b.attribute.readUInt32LE(0));
  const list = Buffer.concat(
    entries.map(({ attribute, holder }) => volume.listEntry(holder, attribute)),
  );
  const listed = pieceCount === 1 ? [] : [resident(types.attributeList, 60, list)];
  volume.setAttributes(0, [...others, ...pieces.slice(0, 1), ...listed]);
  volume.move(clusters.slice(runClusters), apart);
  volume.mftClusters = clustersOf(runs);
  return clusters.length;
}
