/**
 * Takes the elements of the array "ranges" out of a JSON text, one at a time, and keeps the rest: a
 * map has millions of ranges, and neither JSON.parse nor a string holds them all.
 */

import { type FilePlace, invalid } from './invalid.js';

/** Everything but the ranges is small; and no range is longer than a few fields. */
const maxRestLength = 16 * 1024 * 1024;
const maxElementLength = 16 * 1024;

const arrayStart = /"ranges"[ \t\r\n]*:[ \t\r\n]*\[/g;
/** How far back a beginning of `arrayStart` may lie that the last chunk cut through. */
const overlapLength = 256;

const token = /[ \t\r\n]*(\{[^{}]*\}|[\],])/y;
const tokenBegun = /[ \t\r\n]*(\{[^{}]*)?$/y;

export type OnElement = (value: unknown, line: number) => void;

/** Feed it the text in chunks, then call finish(). `onElement` may throw, and ends it by that. */
export class RangeLifter {
  readonly #file: string;
  readonly #onElement: OnElement;
  #state: 'before' | 'within' | 'behind' = 'before';
  #before = '';
  #pending = '';
  #behind = '';
  #line = 1;
  #behindLine = 1;
  /** What may come next in the array, besides its end after an element or at the start. */
  #expected: 'element' | 'first' | 'separator' = 'first';

  constructor(file: string, onElement: OnElement) {
    this.#file = file;
    this.#onElement = onElement;
  }

  /** Throws FastsyncError MAP_FILE_INVALID. */
  push(chunk: string): void {
    if (this.#state === 'before') this.#findArray(chunk);
    else if (this.#state === 'within') this.#readElements(this.#pending + chunk);
    else this.#behind += chunk;
    if (this.#before.length + this.#behind.length > maxRestLength) {
      throw this.#wrong(this.#line, 'the file is too large for what it says besides the ranges');
    }
  }

  /** The rest of the text parsed, with `ranges` empty. Throws FastsyncError MAP_FILE_INVALID. */
  finish(): unknown {
    if (this.#state === 'within') throw this.#wrong(this.#line, 'the file ends within the ranges');
    const text = this.#before + this.#behind;
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      const position = /position (\d+)/.exec((error as Error).message)?.[1] ?? Infinity;
      const line = this.#lineAt(Math.min(Number(position), text.trimEnd().length));
      throw this.#wrong(line, 'this is no JSON', error);
    }
  }

  #findArray(chunk: string): void {
    arrayStart.lastIndex = Math.max(0, this.#before.length - overlapLength);
    this.#before += chunk;
    if (!arrayStart.test(this.#before)) return;
    const at = arrayStart.lastIndex;
    const rest = this.#before.slice(at);
    this.#before = this.#before.slice(0, at);
    this.#line = linesIn(this.#before) + 1;
    this.#state = 'within';
    this.#readElements(rest);
  }

  #readElements(text: string): void {
    let at = 0;
    while (this.#state === 'within') {
      token.lastIndex = at;
      const [whole, item] = token.exec(text) ?? [];
      if (whole === undefined || item === undefined) break;
      this.#line += linesIn(whole.slice(0, whole.length - item.length));
      this.#take(item);
      this.#line += linesIn(item);
      at += whole.length;
    }
    const rest = text.slice(at);
    if (this.#state === 'behind') {
      this.#behind = `]${rest}`;
      this.#behindLine = this.#line;
      return;
    }
    tokenBegun.lastIndex = 0;
    if (!tokenBegun.test(rest) || rest.length > maxElementLength) {
      const line = this.#line + linesIn(/^[ \t\r\n]*/.exec(rest)?.[0] ?? '');
      throw this.#wrong(line, 'what follows here is no range');
    }
    this.#pending = rest;
  }

  #take(item: string): void {
    const isElement = item.startsWith('{');
    const fits =
      (isElement && this.#expected !== 'separator') ||
      (item === ',' && this.#expected === 'separator') ||
      (item === ']' && this.#expected !== 'element');
    if (!fits) throw this.#wrong(this.#line, `"${item.slice(0, 1)}" is out of place`);
    if (item === ']') {
      this.#state = 'behind';
      return;
    }
    this.#expected = isElement ? 'separator' : 'element';
    if (isElement) this.#onElement(this.#parse(item), this.#line);
  }

  #parse(item: string): unknown {
    try {
      return JSON.parse(item);
    } catch (error) {
      throw this.#wrong(this.#line, 'this is no JSON', error);
    }
  }

  #lineAt(position: number): number {
    const behind = position - this.#before.length;
    if (this.#state === 'before' || behind <= 0)
      return linesIn(this.#before.slice(0, position)) + 1;
    return this.#behindLine + linesIn(this.#behind.slice(0, behind));
  }

  #wrong(line: number, what: string, cause?: unknown) {
    const place: FilePlace = { file: this.#file, line };
    return invalid(place, what, 'give a file as `fastsync map --format json` writes it', cause);
  }
}

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
