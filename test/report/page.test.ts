/** The page as a whole, in a browser: plots, tables, hostile names, narrow screens, nothing fetched. */

import test from 'ava';
import type { Browser, Page } from 'playwright-core';
import type { RunOutcome, RunRecord } from '../../src/history/index.js';
import { reportPage } from '../../src/report/index.js';
import { launchBrowser, openPage, Picture } from '../support/browser.js';
import { seededRandom } from '../support/random.js';
import { pictureOf, reportOf, runOf } from '../support/runs.js';

let browser: Browser;
test.before(async () => {
  browser = await launchBrowser();
});
test.after.always(() => browser.close());

const plots = ['differences', 'duration', 'rate', 'compared', 'age'];

/** Where each mark stands on the screen, in the order of the runs. */
function places(page: Page, selector: string): Promise<{ x: number; y: number }[]> {
  return page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 };
  })`);
}

for (const count of [0, 1, 2, 90, 2000]) {
  test(`${count} runs: every plot has as many points`, async (t) => {
    const random = seededRandom(t, 7);
    const outcomes: RunOutcome[] = ['equal', 'different', 'not proven', 'interrupted', 'failed'];
    const records = Array.from({ length: count }, (_, night) =>
      runOf(night, {
        outcome: random.pick(outcomes),
        seconds: random.between(0, 100_000),
        differentBytes: random.pick([0, 512, 2 ** 40]),
        oldestProof: random.pick([null, runOf(night - 3).startedAt]),
      }),
    );
    const { page, complaints } = await openPage(t, browser, reportPage(reportOf(records)));
    t.is(await page.locator('#outcomes .tick').count(), count);
    for (const id of plots) t.is(await page.locator(`#${id} .point`).count(), count, id);
    t.is(await page.locator('.plot').count(), count === 0 ? 0 : plots.length + 1);
    t.deepEqual(complaints, []);
  });
}

test('points stand where their figures put them', async (t) => {
  const seconds = [60, 240, 120, 180];
  const records = seconds.map((value, night) => runOf(night, { seconds: value }));
  const { page } = await openPage(t, browser, reportPage(reportOf(records)));
  const points = await places(page, '#duration .point');
  const labels = await places(page, '#duration .labels span');
  t.deepEqual(await page.locator('#duration .labels span').allTextContents(), [
    '4 min',
    '2 min',
    '0',
  ]);
  const [top, middle, bottom] = labels.map(({ y }) => y) as [number, number, number];
  const heights = points.map(({ y }) => y);
  const expected = [(middle + bottom) / 2, top, middle, (top + middle) / 2];
  for (const [index, y] of heights.entries()) {
    t.true(Math.abs(y - (expected[index] ?? 0)) < 2, `${y} is near ${expected[index] ?? 0}`);
  }
  const across = points.map(({ x }) => x);
  const step = ((across.at(-1) ?? 0) - (across[0] ?? 0)) / 3;
  t.true(step > 50);
  for (const [index, x] of across.entries()) {
    t.true(Math.abs(x - (across[0] ?? 0) - index * step) < 1, 'one night, one step');
  }
});

test('every outcome has its lane, its colour and its count', async (t) => {
  const outcomes: RunOutcome[] = ['equal', 'different', 'not proven', 'interrupted', 'failed'];
  const records = [...outcomes, 'equal' as const].map((outcome, night) =>
    runOf(night, { outcome }),
  );
  const { page } = await openPage(t, browser, reportPage(reportOf(records)));
  const lanes = await page.locator('#outcomes .labels li').allInnerTexts();
  t.deepEqual(
    lanes.map((text) => text.replaceAll(/\s+/g, ' ').trim()),
    ['equal 2', 'different 1', 'not proven 1', 'interrupted 1', 'failed 1'],
  );
  const ticks = await places(page, '#outcomes .tick');
  const names = await places(page, '#outcomes .labels li');
  const chart = await Picture.of(page.locator('#outcomes svg'));
  const box = await page.locator('#outcomes svg').boundingBox();
  const keys = page.locator('#outcomes .labels i');
  for (const [night, { outcome }] of records.entries()) {
    const lane = outcomes.indexOf(outcome);
    const { x = 0, y = 0 } = ticks[night] ?? {};
    t.true(Math.abs(y - (names[lane]?.y ?? 0)) < 3, `${outcome} lies in its lane`);
    const key = await Picture.of(keys.nth(lane));
    const colour = key.mainColour({ x: 2, y: 2, width: 5, height: 5 });
    const place = { x: x - (box?.x ?? 0) - 1, y: y - (box?.y ?? 0) - 4, width: 3, height: 8 };
    t.is(chart.mainColour(place), colour, outcome);
  }
});

test('hostile names stay names: nothing runs, nothing is fetched, nothing is lost', async (t) => {
  const evil = `</style></title><script>window.hacked=1</script><img src="https://example.org/x" onerror="window.hacked=1">'"&lt;\${7*7}`;
  const filesystem = { type: evil, uuid: evil, label: evil };
  const error = { code: evil, message: evil };
  const report = reportOf([runOf(0, { filesystem, error, outcome: 'failed' })], {
    pair: evil,
    source: evil,
    target: evil,
    picture: pictureOf({
      different: [{ start: 0, length: 512, what: evil }],
      notProven: [{ start: 0, length: 512, what: evil, cause: evil }],
    }),
  });
  const { page, complaints } = await openPage(t, browser, reportPage(report));
  t.deepEqual(complaints, []);
  t.is(await page.evaluate('window.hacked'), undefined);
  t.is(await page.locator('script, img, iframe, link, object').count(), 0);
  t.is(await page.locator('h1').textContent(), evil);
  t.is(await page.title(), `${evil}: Failed`.replaceAll(/\s+/g, ' '));
  t.is(await page.locator('dd code').first().textContent(), evil);
  t.deepEqual(await page.locator('td.last').allTextContents(), [evil, evil]);
  t.is(await page.locator('.why td').last().textContent(), evil);
  t.is(await page.locator('style').count(), 1);
});

test('the table lists what is not equal in the order of the volume, and counts the rest', async (t) => {
  const picture = pictureOf({
    deviceBytes: 64 * 2 ** 40,
    different: [
      { start: 4096, length: 512, what: 'group 0 inode table' },
      { start: 2 ** 45, length: 2 ** 20, what: 'data' },
    ],
    notProven: [{ start: 2 ** 30, length: 1024, what: 'journal', cause: 'unreadable' }],
    omittedRanges: 3_400_000,
  });
  const { page } = await openPage(t, browser, reportPage(reportOf([runOf(0)], { picture })));
  const cells: unknown = await page.evaluate(
    `[...document.querySelectorAll('[aria-labelledby=h-ranges] tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent.trim()))`,
  );
  t.deepEqual(cells, [
    ['4,096', '512', '512 B', 'different', 'group 0 inode table'],
    ['1,073,741,824', '1,024', '1 KiB', 'not proven: unreadable', 'journal'],
    ['35,184,372,088,832', '1,048,576', '1 MiB', 'different', 'data'],
  ]);
  t.regex(await page.locator('[aria-labelledby=h-ranges]').innerText(), /3,400,000 more ranges/);
});

test('it fits screens and is told by name: widths, headers, labels', async (t) => {
  const long = 'a'.repeat(300);
  const records: RunRecord[] = [
    runOf(0),
    runOf(1, {
      seconds: 3044,
      comparedBytes: 1.23 * 2 ** 40,
      filesystem: { type: long, uuid: long, label: long },
    }),
  ];
  const picture = pictureOf({ different: [{ start: 0, length: 512, what: long }] });
  const report = reportOf(records, { pair: long, source: long, picture });
  for (const width of [320, 720, 1600]) {
    const { page } = await openPage(t, browser, reportPage(report), { width });
    const over = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    t.true((over as number) <= 0, `nothing sticks out of ${width} pixels`);
  }
  const paper = await openPage(t, browser, reportPage(reportOf(records, { picture })), {
    width: 794,
  });
  await paper.page.emulateMedia({ media: 'print' });
  const over = await paper.page.evaluate('document.documentElement.scrollWidth - innerWidth');
  t.true((over as number) <= 0, 'nothing sticks out of a sheet of A4');
  const { page } = await openPage(t, browser, reportPage(report));
  t.is(await page.locator('html').getAttribute('lang'), 'en');
  const unnamed = 'svg:not([aria-hidden]):not([role=img][aria-label]), th:not([scope])';
  t.is(await page.locator(unnamed).count(), 0);
  t.is(await page.locator('h1').count(), 1);
});
