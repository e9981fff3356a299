/** A headless Chromium that looks at a page the way a person does, and hears what it complains about. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ExecutionContext } from 'ava';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { scratchDirectory } from './scratch.js';

const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: quiet });
}

export interface Looks {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** Opens the page from a file until the test ends; `complaints` are errors, requests and dialogs. */
export async function openPage(
  t: ExecutionContext,
  browser: Browser,
  html: string,
  { width = 1100, colorScheme = 'light' }: Looks = {},
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const file = path.join(await scratchDirectory(t), 'report.html');
  await writeFile(file, html);
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  t.teardown(() => page.close());
  const address = pathToFileURL(file).href;
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== address) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  return { page, complaints };
}

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A photograph of an element. */
export class Picture {
  readonly #png: PNG;

  private constructor(png: PNG) {
    this.#png = png;
  }

  static async of(element: Locator): Promise<Picture> {
    return new Picture(PNG.sync.read(await element.screenshot()));
  }

  get width(): number {
    return this.#png.width;
  }

  get height(): number {
    return this.#png.height;
  }

  /** The colour that most pixels of the rectangle have: "61,101,148". */
  mainColour({ x, y, width, height }: Rectangle): string {
    const counts = new Map<string, number>();
    for (let row = Math.round(y); row < Math.round(y + height); row++) {
      for (let column = Math.round(x); column < Math.round(x + width); column++) {
        const at = (row * this.#png.width + column) * 4;
        const colour = this.#png.data.subarray(at, at + 3).join(',');
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
      }
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
  }
}
