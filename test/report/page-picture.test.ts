/** What the picture of the volume shows, looked at in a browser: the colour of every cell. */

import test from 'ava';
import type { Browser } from 'playwright-core';
import type { VolumePicture } from '../../src/history/index.js';
import { reportPage } from '../../src/report/index.js';
import { launchBrowser, type Looks, openPage, Picture } from '../support/browser.js';
import { seededRandom } from '../support/random.js';
import { pictureOf, reportOf, runOf } from '../support/runs.js';

let browser: Browser;
test.before(async () => {
  browser = await launchBrowser();
});
test.after.always(() => browser.close());

const columns = 64;
const rows = 16;
const legend = ['used', 'free', 'different', 'unproven'] as const;
type Kind = (typeof legend)[number];

/** The colour of each kind as the legend shows it, and of every cell as the picture does. */
async function lookAt(
  t: Parameters<typeof openPage>[0],
  picture: VolumePicture,
  looks: Looks = {},
): Promise<{ readonly key: Readonly<Record<Kind, string>>; readonly cells: readonly string[] }> {
  const html = reportPage(reportOf([runOf(0)], { picture }));
  const { page, complaints } = await openPage(t, browser, html, looks);
  const keys = page.locator('.legend .key');
  const key = {} as Record<Kind, string>;
  for (const [index, kind] of legend.entries()) {
    const shown = await Picture.of(keys.nth(index));
    key[kind] = shown.mainColour({ x: 0, y: 0, width: shown.width, height: shown.height });
  }
  const grid = await Picture.of(page.locator('.map svg'));
  const width = grid.width / columns;
  const height = grid.height / rows;
  const cells = Array.from({ length: columns * rows }, (_, index) => {
    const x = (index % columns) * width;
    const y = Math.floor(index / columns) * height;
    // Without the seam around it, which the page may draw half a pixel to either side.
    return grid.mainColour({ x: x + 1, y: y + 1, width: width - 3, height: height - 3 });
  });
  t.deepEqual(complaints, []);
  return { key, cells };
}

for (const looks of [
  { colorScheme: 'light', width: 1100 },
  { colorScheme: 'dark', width: 720 },
] as const) {
  test(`every cell has the colour of what lies there, ${looks.colorScheme}`, async (t) => {
    const random = seededRandom(t, 4711);
    const deviceBytes = 64 * 2 ** 40;
    const cellBytes = deviceBytes / columns / rows;
    const kinds = Array.from({ length: columns * rows }, () => random.pick(legend));
    // Where a range lies in its cell, and how long it is, must not matter.
    const rangeIn = (index: number, reach: number) => {
      const start = index * cellBytes + 512 * random.between(0, cellBytes / 512 - reach);
      return { start, length: 512 * random.between(1, reach), what: 'data' };
    };
    const within = (kind: Kind) =>
      kinds.flatMap((one, index) =>
        one === kind ? [rangeIn(index, random.pick([2, 2 ** 20]))] : [],
      );
    const { key, cells } = await lookAt(
      t,
      pictureOf({
        deviceBytes,
        used: kinds.map((kind) => (kind === 'free' ? 0 : 1)),
        different: within('different'),
        notProven: within('unproven').map((range) => ({ ...range, cause: 'changing' })),
      }),
      looks,
    );
    t.is(new Set(Object.values(key)).size, legend.length, 'four colours');
    t.deepEqual(
      cells,
      kinds.map((kind) => key[kind]),
    );
  });
}

test('a range over many cells marks them all, and difference outshines doubt', async (t) => {
  const deviceBytes = 2 ** 30;
  const cellBytes = deviceBytes / columns / rows;
  const { key, cells } = await lookAt(
    t,
    pictureOf({
      deviceBytes,
      used: [1],
      different: [{ start: 10 * cellBytes - 1, length: 100 * cellBytes + 2, what: 'data' }],
      // Up to the end of a volume that has grown smaller since.
      notProven: [{ start: 100 * cellBytes, length: deviceBytes, what: 'data', cause: 'changing' }],
    }),
  );
  const expected = cells.map((_, index) => {
    if (index >= 9 && index <= 110) return key.different;
    return index < 9 ? key.used : key.unproven;
  });
  t.deepEqual(cells, expected);
});

test('parts of any number are spread over the cells, and half used looks half used', async (t) => {
  // Three parts, neither a divisor nor a multiple of the cells: full, half, empty.
  const { key, cells } = await lookAt(t, pictureOf({ used: [1, 0.5, 0] }));
  const shades = (from: number, to: number) => [...new Set(cells.slice(from, to))];
  t.deepEqual(shades(0, 341), [key.used]);
  t.deepEqual(shades(683, 1024), [key.free]);
  const [half = '', ...others] = shades(342, 682);
  t.deepEqual(others, []);
  const channels = (colour: string) => colour.split(',').map(Number);
  const full = channels(key.used);
  const empty = channels(key.free);
  for (const [index, value] of channels(half).entries()) {
    const [low = 0, high = 0] = [full[index] ?? 0, empty[index] ?? 0].sort((a, b) => a - b);
    t.true(low < value && value < high, `${half} lies between ${key.used} and ${key.free}`);
  }
});

test('the scale tells where a row begins, up to 64 TiB', async (t) => {
  for (const [deviceBytes, first, second] of [
    [64 * 2 ** 40, '0 B', '8 TiB'],
    [2 ** 30, '0 B', '128 MiB'],
    [512, '0 B', '64 B'],
  ] as const) {
    const html = reportPage(reportOf([runOf(0)], { picture: pictureOf({ deviceBytes }) }));
    const { page } = await openPage(t, browser, html);
    const labels = page.locator('.scale span');
    t.deepEqual((await labels.allTextContents()).slice(0, 2), [first, second]);
    const svg = await page.locator('.map svg').boundingBox();
    const label = await labels.nth(1).boundingBox();
    // Two rows further down, at the height of that row.
    const middle = (label?.y ?? 0) + (label?.height ?? 0) / 2 - (svg?.y ?? 0);
    const row = Math.floor(middle / ((svg?.height ?? 0) / rows));
    t.true(row === 2 || row === 3, `in row ${row}`);
  }
});
