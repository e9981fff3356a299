/** What the options that several commands share mean to the floors below. */

import type { InferredOptionTypes } from 'yargs';
import type { MapOptions } from '../../fsparsers/index.js';
import { checkIoOptions, type IoOptions } from '../engine/index.js';
import type { Hooks } from '../sync/index.js';
import { openVolume, type Override } from '../volume/index.js';
import type { hookOptions } from './options.js';
import { overrideNames } from './options.js';
import { checkCount, parseDuration, parseSize, usage } from './values.js';

interface IdentificationArguments {
  readonly as?: string | undefined;
  readonly whole: boolean;
  readonly swap: 'whole' | 'header';
  readonly 'cross-check': 'auto' | 'owners' | 'none';
  readonly 'log-device'?: string | undefined;
}

/** How to read the source, as mapVolume() takes them. The log device stays open until the command ends. */
export async function identification(args: IdentificationArguments): Promise<MapOptions> {
  if (args.whole && args.as !== undefined) {
    throw usage('use either --whole or --as');
  }
  const as = args.whole ? 'whole' : args.as;
  const log = args['log-device'];
  return {
    swap: args.swap,
    crossCheck: args['cross-check'],
    ...(as === undefined ? {} : { as }),
    ...(log === undefined ? {} : { externalJournal: (await openVolume(log)).reader }),
  };
}

interface SpeedArguments {
  readonly backend: 'auto' | 'uring' | 'threads';
  readonly 'queue-depth': number;
  readonly chunk: string;
  readonly 'in-flight': string;
  readonly bwlimit?: string | undefined;
}

/** How hard to work. Looked at in full here: behind the first write it would be too late. */
export function ioOptionsFrom(args: SpeedArguments): IoOptions {
  const ioOptions = {
    backend: args.backend,
    queueDepth: checkCount('queue-depth', args['queue-depth'], 1, 1024),
    chunkBytes: parseSize('chunk', args.chunk),
    inFlightBytes: parseSize('in-flight', args['in-flight']),
    bytesPerSecond: args.bwlimit === undefined ? 0 : parseSize('bwlimit', args.bwlimit),
  };
  try {
    checkIoOptions(ioOptions);
  } catch (error) {
    if (error instanceof RangeError) throw usage(error.message);
    throw error;
  }
  return ioOptions;
}

/** The commands around a freeze. Throws a usage error. */
export function hooksFrom(args: InferredOptionTypes<typeof hookOptions>): Hooks {
  return {
    beforeFreeze: args['before-freeze'] ?? null,
    afterFreeze: args['after-freeze'] ?? null,
    timeoutMs: parseDuration('hook-timeout', args['hook-timeout']),
  };
}

/** The refusals that the user has overridden. */
export function overridesFrom(
  args: Readonly<Partial<Record<Override, boolean>>>,
): ReadonlySet<Override> {
  return new Set(overrideNames.filter((name) => args[name]));
}
