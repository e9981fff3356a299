/** What `fastsync track` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { type FormatName, writtenFormats } from '../../region/formats/index.js';
import { granularityOption, outputOptions } from '../options.js';

export const volumePositional = {
  type: 'string',
  demandOption: true,
  describe: 'A block device, partition or logical volume, or the image file behind a loop device',
} as const;

export const startOptions = {
  granularity: { ...granularityOption, default: '64K' },
} as const satisfies Record<string, Options>;

export const drainOptions = {
  format: {
    choices: ['text', 'json', ...(Object.keys(writtenFormats) as Exclude<FormatName, 'json'>[])],
    default: 'text',
    describe: 'Output format: text for people, the others for programs',
  },
  peek: { type: 'boolean', default: false, describe: 'Print the ranges without clearing them' },
} as const satisfies Record<string, Options>;

interface OfVolume {
  readonly volume: string;
}

export type ListArguments = InferredOptionTypes<typeof outputOptions>;
export type StartArguments = OfVolume & ListArguments & InferredOptionTypes<typeof startOptions>;
export type DrainArguments = OfVolume & InferredOptionTypes<typeof drainOptions>;
export type StopArguments = OfVolume & ListArguments;
