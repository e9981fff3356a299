/** The options of fastverify that concern manifests. */

import type { InferredOptionTypes } from 'yargs';
import { under } from '../options.js';

export const manifestOptions = under('Manifests:', {
  'write-manifest': {
    type: 'string',
    describe: 'Digest the used ranges of --src, and write the digests to this file',
  },
  manifest: {
    type: 'string',
    describe: 'Verify --src against this manifest instead of a replica',
  },
  root: {
    type: 'string',
    describe: 'The root digest that --manifest must have, as --write-manifest printed it',
  },
  against: {
    type: 'string',
    describe: 'Compare --manifest with this manifest; reads no volume',
  },
  algorithm: {
    choices: ['xxh3-128', 'xxh64', 'sha256'],
    describe: 'Digest of a new manifest; sha256 against deliberate changes [default: xxh3-128]',
  },
  'manifest-cell': {
    type: 'string',
    describe: 'Bytes per digest, a power of two from 64K to 16M [default: 1M]',
  },
  engine: {
    choices: ['native', 'portable'],
    describe: 'portable: use no native code, for xxh64 manifests [default: native]',
  },
});

export type ManifestArguments = InferredOptionTypes<typeof manifestOptions>;
