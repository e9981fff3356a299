/** The picture of the volume: a grid of cells, read like a page, with a scale of bytes beside it. */

import type { VolumePicture } from '../../history/index.js';
import { type Cell, type CellKind, cellsOf, kindOf } from '../cells.js';
import { formatInstant } from '../instant.js';
import { formatBytes, formatPercent } from '../units.js';
import { formatCount } from '../verdict.js';
import { html, type Html } from './markup.js';

const columns = 64;
const rows = 16;
/** In the grid's own units; the page stretches it to its width. */
const cell = { width: 16, height: 16, gap: 1 };

const kinds: readonly (readonly [CellKind, string])[] = [
  ['used', 'in use (faint: partly in use)'],
  ['free', 'free'],
  ['different', 'different'],
  ['unproven', 'not proven'],
];

/** The figure, or a sentence where no run could read the volume. */
export function volumeFigure(picture: VolumePicture | null, isLastRun: boolean): Html {
  if (picture === null || picture.deviceBytes === 0) {
    return html`<p class="empty">No run has been able to read the volume yet.</p>`;
  }
  const cells = cellsOf(picture, columns * rows);
  const rowBytes = picture.deviceBytes / rows;
  const scale = Array.from({ length: rows / 2 }, (_, index) => formatBytes(index * 2 * rowBytes));
  const { different, notProven, omittedRanges, takenAt } = picture;
  return html`<figure class="volume">
    <div class="map">
      <div class="scale" aria-hidden="true">${scale.map((text) => html`<span>${text}</span>`)}</div>
      <svg
        viewBox="0 0 ${columns * cell.width} ${rows * cell.height}"
        preserveAspectRatio="none"
        role="img"
        aria-label="${description(picture, cells)}"
      >
        <defs>
          <pattern
            id="hatch"
            width="6"
            height="6"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <path d="M0 0h6" class="hatch" />
          </pattern>
          <pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">
            <circle cx="2.5" cy="2.5" r="1" class="dots" />
          </pattern>
        </defs>
        ${cells.map(cellMark)}
      </svg>
    </div>
    <figcaption>
      <ul class="legend">
        ${kinds.map(
          ([kind, text]) =>
            html`<li>
              <svg class="key" viewBox="0 0 16 16" aria-hidden="true">${box(kind, 0, 0, 1)}</svg
              >${text}
            </li>`,
        )}
      </ul>
      <p>
        One cell is ${formatBytes(picture.deviceBytes / cells.length)}, one row
        ${formatBytes(rowBytes)}; a cell with one differing byte in it is marked. Seen
        ${formatInstant(takenAt)}${isLastRun ? '' : ', by a run before the last one'}.${omittedNote(different.length + notProven.length, omittedRanges)}
      </p>
    </figcaption>
  </figure>`;
}

function cellMark(one: Cell, index: number): Html {
  const x = (index % columns) * cell.width;
  const y = Math.floor(index / columns) * cell.height;
  return html`<g>${box(kindOf(one), x, y, one.used)}<title>${tooltip(one)}</title></g>`;
}

/** A square of one kind, marked by a pattern too where colour alone would have to tell. */
function box(kind: CellKind, x: number, y: number, used: number): Html {
  const { width, height, gap } = cell;
  const place = html`x="${x}" y="${y}" width="${width - gap}" height="${height - gap}"`;
  const floor = html`<rect class="free" ${place} />`;
  if (kind === 'free') return floor;
  if (kind === 'used') {
    const opacity = (0.25 + 0.75 * used).toFixed(2);
    return html`${floor}<rect class="used" ${place} fill-opacity="${opacity}" />`;
  }
  const pattern = kind === 'different' ? 'hatch' : 'dots';
  return html`<rect class="${kind}" ${place} /><rect ${place} fill="url(#${pattern})" />`;
}

function tooltip({ startBytes, lengthBytes, used, differentBytes, notProvenBytes }: Cell): string {
  const findings = [
    [differentBytes, 'different'],
    [notProvenBytes, 'not proven'],
  ] as const;
  return [
    `${formatBytes(startBytes)} to ${formatBytes(startBytes + lengthBytes)}`,
    used === 0 ? 'free' : `${formatPercent(used, 1)} in use`,
    ...findings
      .filter(([bytes]) => bytes > 0)
      .map(([bytes, name]) => `${formatBytes(Math.ceil(bytes))} ${name}`),
  ].join(', ');
}

function description({ deviceBytes }: VolumePicture, cells: readonly Cell[]): string {
  const share = cells.reduce((sum, { used }) => sum + used, 0);
  const marked = (kind: CellKind) => cells.filter((one) => kindOf(one) === kind).length;
  return `Picture of a volume of ${formatBytes(deviceBytes)}: ${formatPercent(share, cells.length)} in use, differences in ${marked('different')} of ${cells.length} cells, not proven in ${marked('unproven')}. The ranges are in the table below.`;
}

function omittedNote(kept: number, omitted: number): string {
  if (omitted === 0) return '';
  return ` ${formatCount(omitted)} more ranges exist than the ${formatCount(kept)} drawn.`;
}
