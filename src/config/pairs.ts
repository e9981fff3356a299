/** Fills in each pair's defaults, and finds the problems that only two pairs together have. */

import path from 'node:path';
import { checkIoOptions } from '../engine/index.js';
import { type Override, parseAddress } from '../volume/index.js';
import type { Places, Problem } from './places.js';
import type { RawConfig, RawDefaults, RawPair } from './schema.js';
import type { PairConfig } from './types.js';

const dayMs = 86_400_000;
/** A few heartbeats. */
const leastSilenceMs = 5000;

/** Reads the pairs. Does not throw: returns a problem for each setting that cannot be meant. */
export function pairsOf(
  { pairs: raw, defaults = {} }: RawConfig,
  places: Places,
): { readonly pairs: readonly PairConfig[]; readonly problems: readonly Problem[] } {
  const pairs: PairConfig[] = [];
  const problems: Problem[] = [];
  for (const [name, own] of inFileOrder(raw, places)) {
    const pair = pairOf(name, { ...withNewNames(defaults), ...withNewNames(own) });
    problems.push(...contradictions(pair, own, pairs, places));
    pairs.push(pair);
  }
  if (pairs.length === 0) problems.push(places.atValue(['pairs'], 'pairs: no pair is named'));
  return { pairs, problems };
}

/** Restores the order of the file: JavaScript puts keys that are numbers first. */
function inFileOrder(raw: RawConfig['pairs'], places: Places): [string, RawPair][] {
  const placed = Object.entries(raw).map((entry) => {
    const { line, column } = places.atKey(['pairs'], entry[0], '');
    return { entry, line, column };
  });
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  return placed.map(({ entry }) => entry);
}

function withNewNames<Raw extends RawDefaults>({ settle, ...raw }: Raw) {
  return settle === undefined ? raw : { lagTolerance: settle, ...raw };
}

function pairOf(name: string, raw: RawPair): PairConfig {
  return {
    name,
    src: raw.src,
    dst: raw.dst,
    free: raw.free ?? 'ignore',
    whole: raw.whole ?? false,
    as: raw.as ?? null,
    swap: raw.swap ?? 'whole',
    crossCheck: raw.crossCheck ?? 'auto',
    logDevice: raw.logDevice ?? null,
    repair: raw.repair ?? false,
    online:
      raw.online === true
        ? { lagToleranceMs: raw.lagTolerance ?? 15_000, maxFreezeMs: raw.maxFreeze ?? 5000 }
        : null,
    remote: remoteOf(raw),
    ioTimeoutMs: raw.ioTimeout ?? null,
    maxTimeMs: raw.maxTime ?? null,
    maxAgeMs: raw.maxAge ?? 7 * dayMs,
    ioOptions: {
      backend: raw.backend ?? 'auto',
      ...(raw.queueDepth === undefined ? {} : { queueDepth: raw.queueDepth }),
      ...(raw.chunk === undefined ? {} : { chunkBytes: raw.chunk }),
      ...(raw.inFlight === undefined ? {} : { inFlightBytes: raw.inFlight }),
      bytesPerSecond: raw.bwlimit ?? 0,
    },
    overrides: new Set((raw.allow ?? []).map((name) => `allow-${name}` as Override)),
  };
}

function remoteOf({ dst, ssh = 'ssh', remoteCommand = 'fastsync', peerTimeout }: RawPair) {
  const address = parseAddress(dst);
  if (address === null) return null;
  const shell = { ssh: ssh.trim().split(/\s+/), remoteCommand };
  return { address, shell, silenceMs: peerTimeout ?? 30_000 };
}

function contradictions(
  pair: PairConfig,
  own: RawPair,
  earlier: readonly PairConfig[],
  places: Places,
): Problem[] {
  const problems: Problem[] = [];
  const complain = (key: keyof RawPair, sentence: string) => {
    // A problem with a default is reported at the pair that the default does not suit.
    const shown = key in own ? key : 'src';
    problems.push(places.atValue(['pairs', pair.name, shown], `pairs.${pair.name}: ${sentence}`));
  };
  const placeOf = ({ dst, remote }: PairConfig) => (remote === null ? path.resolve(dst) : dst);
  const [src, dst] = [path.resolve(pair.src), placeOf(pair)];
  if (src === dst) complain('dst', `src and dst are the same, ${pair.dst}`);
  for (const other of earlier) {
    const [otherSrc, otherDst] = [path.resolve(other.src), placeOf(other)];
    if (dst === otherDst && src === otherSrc) {
      complain('dst', `the same src and dst as in the pair "${other.name}"`);
    } else if (dst === otherDst) {
      complain('dst', `the pair "${other.name}" has the same dst with another src`);
    } else if (dst === otherSrc && src === otherDst) {
      complain('dst', `the pair "${other.name}" the other way round`);
    }
  }
  if (pair.online !== null && pair.repair) {
    complain(
      'repair',
      'repair and online contradict each other: "fastsync init --online --compare" repairs a replica of a source in use',
    );
  }
  if (pair.remote !== null && pair.remote.silenceMs < leastSilenceMs)
    complain('peerTimeout', 'peerTimeout: expected at least 5s');
  if (pair.whole && pair.as !== null) complain('as', 'whole and as contradict each other');
  try {
    checkIoOptions(pair.ioOptions);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { message } = error;
    complain('src', message.charAt(0).toLowerCase() + message.slice(1));
  }
  return problems;
}
