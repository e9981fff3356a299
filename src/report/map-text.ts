/** A used-region map for people: what the volume is, what is in use and why, and where it is. */

import { isUsed, type RangeTable, type Reason, type UsedMap } from '../../fsparsers/index.js';
import { formatBytes, formatPercent } from './units.js';
import { visible } from './visible.js';

const reasonTexts: readonly (readonly [Reason, string])[] = [
  ['data', 'file contents and other allocated blocks'],
  ['metadata', "the file system's own structures"],
  ['journal', 'the journal'],
  ['outside', 'not part of the file system: boot area, space after its end'],
  ['unknown', 'cannot be proved free, therefore copied'],
  ['bad', 'listed as bad by the file system itself, not copied'],
  ['free', 'proved free, not copied'],
];

/** The text view: geometry, journal, bytes by reason, a picture. Ends with a newline. */
export function mapText(path: string, map: UsedMap): string {
  const { filesystem, deviceBytes, ranges } = map;
  const named = filesystem.label === null ? '' : `, label "${visible(filesystem.label)}"`;
  const lines = [
    `${visible(path)}: ${filesystem.type}${named}, ${formatBytes(deviceBytes)} (${deviceBytes} bytes)`,
    '',
    ...aligned([
      ['UUID', filesystem.uuid ?? 'none'],
      ['state', filesystem.state],
      ['journal', `${filesystem.journal.state}${detailOf(filesystem.journal.detail)}`],
      ...crossCheckRows(map),
      ...Object.entries(filesystem.geometry).map(
        ([label, value]) => [label, String(value)] as const,
      ),
      ['features', filesystem.features.join(' ') || 'none'],
    ]),
    ...partitionLines(map),
    '',
    ...usageLines(ranges, deviceBytes),
    '',
    ...pictureLines(ranges, deviceBytes),
  ];
  return `${lines.join('\n')}\n`;
}

/** The result of checking free space against the owners of blocks. */
function crossCheckRows({ crossCheck }: UsedMap): (readonly [string, string])[] {
  if (crossCheck === undefined) return [];
  const { state, detail, contradictedBytes } = crossCheck;
  const found =
    contradictedBytes === 0 ? '' : `, ${contradictedBytes} bytes marked free have an owner`;
  return [['cross-check', `${state}${detailOf(detail)}${found}`]];
}

/** The partitions of a disk, one line each, with the used bytes. */
function partitionLines({ partitions, ranges }: UsedMap): string[] {
  if (partitions === undefined) return [];
  const rows = partitions.map(({ index, start, length, typeName, type, filesystem, problem }) => [
    String(index),
    formatBytes(start),
    formatBytes(length),
    filesystem?.type ?? '-',
    formatBytes(usedBetween(ranges, start, start + length)),
    [typeName ?? type, problem === null ? '' : `used whole: ${problem}`]
      .filter((text) => text !== '')
      .join(', '),
  ]);
  const header = ['no', 'start', 'size', 'holds', 'used', 'type'];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  return ['', ...[header, ...rows].map(line)];
}

function usedBetween(ranges: RangeTable, from: number, to: number): number {
  let used = 0;
  for (const { start, length, reason } of ranges) {
    if (!isUsed(reason)) continue;
    used += Math.max(0, Math.min(to, start + length) - Math.max(from, start));
  }
  return used;
}

function detailOf(detail: string): string {
  return detail === '' ? '' : ` (${detail})`;
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return rows.map(([label, value]) => `  ${`${label}:`.padEnd(width)}${value}`);
}

function usageLines(ranges: RangeTable, deviceBytes: number): string[] {
  const totals = ranges.totals();
  const used = deviceBytes - totals.free - totals.bad;
  const row = (name: string, bytes: number, text: string) =>
    `  ${name.padEnd(9)} ${formatBytes(bytes).padStart(9)}  ${formatPercent(bytes, deviceBytes).padStart(7)}  ${text}`;
  return [
    row('used', used, `in ${ranges.length} ranges, including free ones`),
    ...reasonTexts
      .filter(([reason]) => totals[reason] > 0)
      .map(([reason, text]) => row(reason, totals[reason], text)),
  ];
}

const columns = 64;
const rows = 4;
const shades = ['·', '░', '▒', '▓', '█'];

/** The device as rows of cells, each shaded by its used share. */
function pictureLines(ranges: RangeTable, deviceBytes: number): string[] {
  const cells = usedShares(ranges, deviceBytes, columns * rows);
  const shade = (share: number) =>
    share === 0 ? '·' : (shades[Math.max(1, Math.round(share * 4))] ?? '█');
  const text = [...cells].map(shade).join('');
  const lines = Array.from({ length: rows }, (_, row) =>
    text.slice(row * columns, (row + 1) * columns),
  );
  const cellBytes = formatBytes(Math.ceil(deviceBytes / cells.length));
  return [...lines.map((line) => `  ${line}`), `  one cell is ${cellBytes}: · free, ░ to █ used`];
}

/** For each of `count` equal parts of the device, the share of its bytes that is used: 0 to 1. */
export function usedShares(ranges: RangeTable, deviceBytes: number, count: number): Float64Array {
  const shares = new Float64Array(count);
  const cellBytes = deviceBytes / count;
  for (const { start, length, reason } of ranges) {
    if (!isUsed(reason)) continue;
    const last = Math.min(count - 1, Math.floor((start + length - 1) / cellBytes));
    for (let cell = Math.floor(start / cellBytes); cell <= last; cell++) {
      const from = Math.max(start, cell * cellBytes);
      const to = Math.min(start + length, (cell + 1) * cellBytes);
      shares[cell] = Math.min(1, (shares[cell] ?? 0) + (to - from) / cellBytes);
    }
  }
  return shares;
}
