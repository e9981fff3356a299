/** What `fastsync track` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { type FormatName, writtenFormats } from '../../region/formats/index.js';
import { outputOptions } from '../options.js';

export const volumePositional = {
  type: 'string',
  demandOption: true,
  describe: 'A block device, partition or logical volume, or the image file of a loop device',
} as const;

export const startOptions = {
  granularity: {
    type: 'string',
    default: '64K',
    describe: 'What one mark stands for: a power of two from 4K to 1G',
  },
} as const satisfies Record<string, Options>;

export const drainOptions = {
  format: {
    choices: ['text', 'json', ...(Object.keys(writtenFormats) as Exclude<FormatName, 'json'>[])],
    default: 'text',
    describe: 'How to print it: for people, or for another tool',
  },
  peek: { type: 'boolean', default: false, describe: 'Print it, and leave it for the next drain' },
} as const satisfies Record<string, Options>;

interface OfVolume {
  readonly volume: string;
}

export type ListArguments = InferredOptionTypes<typeof outputOptions>;
export type StartArguments = OfVolume & ListArguments & InferredOptionTypes<typeof startOptions>;
export type DrainArguments = OfVolume & InferredOptionTypes<typeof drainOptions>;
export type StopArguments = OfVolume & ListArguments;
