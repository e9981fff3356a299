/** What `fastsync map` takes. */

import type { InferredOptionTypes, Options } from 'yargs';
import { type FormatName, formats } from '../../region/formats/index.js';
import { identificationOptions } from '../options.js';

const formatNames = ['text', ...(Object.keys(formats) as FormatName[])] as const;

export const mapOptions = {
  format: {
    choices: formatNames,
    default: 'text',
    describe: 'Output format: text for people, the others for programs',
  },
  ...identificationOptions,
} as const satisfies Record<string, Options>;

export type MapArguments = { readonly volume: string } & InferredOptionTypes<typeof mapOptions>;
