/** The schema of fastsync.yaml: every key, and the message for a value that is not allowed. */

import * as z from 'zod';
import { parsers } from '../../fsparsers/index.js';
import { durationOf, longestFreezeMs, longestTimerMs, sizeOf } from '../quantities.js';
import { overrides, parseAddress } from '../volume/index.js';

/** Valid names of pairs: a name becomes part of file names, and a label of metrics. */
const pairName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const expected = (what: string) => ({ error: `expected ${what}` });

const choice = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, expected(names.length > 2 ? `one of ${names.join(', ')}` : names.join(' or ')));

const flag = z.boolean(expected('true or false'));

const wholeNumber = z.int(expected('a whole number'));

/** Absolute, because a cron job may start in any directory. */
const absolutePath = z
  .string(expected('an absolute path'))
  .regex(/^\/[^\u0000-\u001f\u007f]*$/, expected('an absolute path, without control characters'));

/** A volume of this host, or HOST:/PATH, or ssh://USER@HOST:PORT/PATH. */
const target = z.string(expected('an absolute path, or HOST:/PATH')).transform((text, context) => {
  const isHere = absolutePath.safeParse(text).success;
  if (isHere || isAddress(text)) return text;
  context.addIssue({ code: 'custom', message: 'expected an absolute path, or HOST:/PATH' });
  return z.NEVER;
});

function isAddress(text: string): boolean {
  try {
    return parseAddress(text) !== null;
  } catch {
    return false;
  }
}

/** A program and its options. */
const words = z.string(expected('a command')).regex(/\S/, expected('a command'));

const size = z
  .union([z.string(), z.number()], expected('a size such as 50M'))
  .transform((value, context) => {
    const bytes = sizeOf(String(value));
    if (bytes !== null) return bytes;
    context.addIssue({ code: 'custom', message: 'expected a size such as 50M' });
    return z.NEVER;
  });

const duration = (mostMs: number, example: string) =>
  z.string(expected(example)).transform((value, context) => {
    const ms = durationOf(value);
    if (ms !== null && ms <= mostMs) return ms;
    context.addIssue({ code: 'custom', message: `expected ${example}` });
    return z.NEVER;
  });

/** Without `yes`, which needs a person who sees what would be overwritten. */
const allowable = Object.values(overrides)
  .filter((name) => name !== 'yes')
  .map((name) => name.replace(/^allow-/, ''));

const families = Object.keys(parsers).filter((name) => name !== 'whole');

const settings = {
  free: choice(['ignore', 'verify']).optional(),
  whole: flag.optional(),
  as: choice([families[0] ?? 'union', ...families.slice(1), 'union']).optional(),
  swap: choice(['whole', 'header']).optional(),
  crossCheck: choice(['auto', 'owners', 'none']).optional(),
  logDevice: absolutePath.optional(),
  repair: flag.optional(),
  online: flag.optional(),
  lagTolerance: duration(longestTimerMs, 'a time such as 15s or 2m').optional(),
  maxFreeze: duration(longestFreezeMs, 'a time such as 5s, up to 1h').optional(),
  ioTimeout: duration(longestTimerMs, 'a time such as 10m').optional(),
  ssh: words.optional(),
  remoteCommand: words.optional(),
  peerTimeout: duration(longestTimerMs, 'a time such as 30s').optional(),
  maxTime: duration(longestTimerMs, 'a time such as 90m or 2h, up to 24d').optional(),
  maxAge: duration(Number.MAX_SAFE_INTEGER, 'a time such as 36h or 7d').optional(),
  bwlimit: size.optional(),
  backend: choice(['auto', 'uring', 'threads']).optional(),
  queueDepth: wholeNumber.optional(),
  chunk: size.optional(),
  inFlight: size.optional(),
  allow: z
    .array(choice([allowable[0] ?? '', ...allowable.slice(1)]), expected('a list'))
    .optional(),
};

/** Keys under the names that they had before: still read, and named in no list. */
export const renamedKeys = { settle: 'lagTolerance' } as const;

const renamed = { settle: settings.lagTolerance };

const mapping = 'expected "key: value" lines below it';

const pair = z.strictObject(
  { src: absolutePath, dst: target, ...settings, ...renamed },
  { error: mapping },
);

export const schema = z.strictObject(
  {
    pairs: z.record(
      z
        .string()
        .regex(
          pairName,
          expected('a name of at most 64 of a-z 0-9 . _ -, beginning with a letter or a digit'),
        ),
      pair,
      { error: 'expected the pairs, each by its name' },
    ),
    defaults: z.strictObject({ ...settings, ...renamed }, { error: mapping }).optional(),
    stateDir: absolutePath.optional(),
    log: absolutePath.optional(),
    // node_exporter ignores files with another suffix.
    metrics: absolutePath
      .regex(/\.prom$/, expected('a path that ends in .prom, as node_exporter reads no other'))
      .optional(),
  },
  { error: mapping },
);

export type RawConfig = z.output<typeof schema>;
export type RawPair = RawConfig['pairs'][string];
export type RawDefaults = NonNullable<RawConfig['defaults']>;

/** The keys that are allowed at a path, to suggest the nearest one for a mistyped key. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(schema.shape);
  return path[0] === 'pairs' ? ['src', 'dst', ...Object.keys(settings)] : Object.keys(settings);
}
