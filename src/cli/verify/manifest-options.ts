/** The options of fastverify that speak of manifests. */

import type { InferredOptionTypes, Options } from 'yargs';

const group = 'Manifests:';

export const manifestOptions = {
  'write-manifest': {
    type: 'string',
    group,
    describe: 'Digest what --src uses, and write it to this file',
  },
  manifest: {
    type: 'string',
    group,
    describe: 'Verify --src against this manifest, without another copy',
  },
  root: {
    type: 'string',
    group,
    describe: 'The root that --manifest must have, as --write-manifest printed it',
  },
  against: {
    type: 'string',
    group,
    describe: 'Compare --manifest with this one; no volume is read',
  },
  algorithm: {
    choices: ['xxh3-128', 'xxh64', 'sha256'],
    group,
    describe: 'Digest of a new manifest; sha256 where somebody may mean harm [default: xxh3-128]',
  },
  'manifest-cell': {
    type: 'string',
    group,
    describe: 'Bytes to a digest, a power of two from 64K to 16M [default: 1M]',
  },
  engine: {
    choices: ['native', 'portable'],
    group,
    describe: 'portable: no native code, for manifests of xxh64 [default: native]',
  },
} as const satisfies Record<string, Options>;

export type ManifestArguments = InferredOptionTypes<typeof manifestOptions>;
