/** Turns the text of a configuration into the configuration, or into the list of its problems. */

import { LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { nearest } from './nearest.js';
import { pairsOf } from './pairs.js';
import { type Path, Places, type Problem } from './places.js';
import { keysAt, type RawConfig, renamedKeys, schema } from './schema.js';
import type { Config } from './types.js';

export type Checked = CheckedConfig | readonly Problem[];

export interface CheckedConfig extends Omit<Config, 'path' | 'deprecations'> {
  readonly deprecations: readonly Problem[];
}

export function isProblems(checked: Checked): checked is readonly Problem[] {
  return Array.isArray(checked);
}

/** A problem with the value of a top-level key in a text that is otherwise valid. */
export function problemAt(text: string, key: string, sentence: string): Problem {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  return new Places(document, lines).atValue([key], `${key}: ${sentence}`);
}

/** Checks the whole text. The problems come in the order of the file. Pure. */
export function checkConfig(text: string): Checked {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const places = new Places(document, lines);
  if (document.errors.length > 0) {
    return inOrder(
      document.errors.map(({ pos, message }) => places.atOffset(pos[0], sentenceOf(message))),
    );
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that would expand to more than fits in memory.
    return [places.atOffset(0, sentenceOf((error as Error).message))];
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    return inOrder(parsed.error.issues.flatMap((issue) => problemsOf(issue, value, places)));
  }
  const { data } = parsed;
  const { pairs, problems } = pairsOf(data, places);
  if (problems.length > 0) return inOrder(problems);
  return {
    pairs,
    stateDir: data.stateDir ?? null,
    log: data.log ?? null,
    metrics: data.metrics ?? null,
    deprecations: deprecationsOf(data, places),
  };
}

function deprecationsOf({ pairs, defaults = {} }: RawConfig, places: Places): readonly Problem[] {
  const tables: (readonly [Path, object])[] = [
    [['defaults'], defaults],
    ...Object.entries(pairs).map(([name, pair]) => [['pairs', name], pair] as const),
  ];
  return inOrder(
    tables.flatMap(([path, table]) =>
      Object.entries(renamedKeys)
        .filter(([old]) => old in table)
        .map(([old, name]) => places.atKey(path, old, `"${old}" is deprecated, use "${name}"`)),
    ),
  );
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, places: Places): Problem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => places.atKey(path, key, unknownKey(path, key)));
  }
  if (issue.code === 'invalid_key') {
    const sentence = issue.issues[0]?.message ?? issue.message;
    return [places.atKey(path.slice(0, -1), path.at(-1) ?? '', `${named(path)}: ${sentence}`)];
  }
  const found = path.reduce<unknown>(
    (parent, step) => (parent as Record<PropertyKey, unknown> | null | undefined)?.[step],
    value,
  );
  const what = path.length === 0 ? 'the file' : named(path);
  const sentence =
    found === undefined || found === null
      ? `${what} is missing: ${issue.message}`
      : `${what}: ${issue.message}${gotText(found)}`;
  return [places.atValue(path, sentence)];
}

const mostShown = 60;

function gotText(value: unknown): string {
  if (typeof value === 'object') return '';
  const text = JSON.stringify(value);
  return `, got ${text.length > mostShown ? `${text.slice(0, mostShown)}...` : text}`;
}

function unknownKey(path: Path, key: string): string {
  const where = path.length === 0 ? '' : ` in ${named(path)}`;
  const keys = keysAt(path);
  const meant = nearest(key, keys);
  const hint = meant === null ? `known are ${keys.join(', ')}` : `did you mean "${meant}"?`;
  return `unknown key ${JSON.stringify(key)}${where}: ${hint}`;
}

function named(path: Path): string {
  return path.map(String).join('.');
}

/** The parser's message as one line, in lower case at its beginning, without a full stop. */
function sentenceOf(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim().replace(/[.:]$/, '');
  return /^[A-Z][a-z]/.test(line) ? line.charAt(0).toLowerCase() + line.slice(1) : line;
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
