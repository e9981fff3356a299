/** What `fastsync config` takes. */

import type { InferredOptionTypes } from 'yargs';
import { configOption } from '../options.js';

export const configOptions = { config: configOption };

export type ConfigArguments = InferredOptionTypes<typeof configOptions>;
