/** The options of fastverify that speak of manifests, and which of them go together. */

import type { InferredOptionTypes, Options } from 'yargs';
import { isCellSize } from '../manifest/index.js';
import { parseSize, usage } from './values.js';

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

export type ManifestTask =
  | { readonly kind: 'write'; readonly volume: string; readonly file: string }
  | { readonly kind: 'check'; readonly volume: string; readonly manifest: string }
  | { readonly kind: 'compare'; readonly manifest: string; readonly against: string };

interface Given extends Partial<ManifestArguments> {
  readonly src?: string | undefined;
  readonly dst?: string | undefined;
  readonly repair: boolean;
  readonly 'ddrescue-map'?: string | undefined;
  readonly 'max-time'?: string | undefined;
  readonly start?: string | undefined;
  readonly stop?: string | undefined;
  readonly free: string;
}

/** Options that mean nothing to a task, and would be believed to have had an effect. */
const strangers: Readonly<Record<ManifestTask['kind'], readonly (keyof Given)[]>> = {
  write: ['dst', 'repair', 'engine', 'root', 'ddrescue-map', 'max-time', 'start', 'stop'],
  check: ['dst', 'repair', 'algorithm', 'manifest-cell'],
  compare: [
    ...(['src', 'dst', 'repair', 'algorithm', 'manifest-cell', 'engine', 'root'] as const),
    ...(['ddrescue-map', 'max-time', 'start', 'stop'] as const),
  ],
};

/** What these options ask for; null: nothing about manifests. Throws a usage error for contradictions. */
export function manifestTask(args: Given): ManifestTask | null {
  const { src, manifest, against } = args;
  const file = args['write-manifest'];
  if (file !== undefined && manifest !== undefined) {
    throw usage('--write-manifest and --manifest contradict each other: name one of them');
  }
  if (file === undefined && manifest === undefined) {
    const [alone] = (['against', 'root', 'algorithm', 'manifest-cell', 'engine'] as const).filter(
      (name) => args[name] !== undefined,
    );
    if (alone !== undefined) throw usage(`--${alone} goes with --manifest or --write-manifest`);
    return null;
  }
  const task = taskOf(src, file, manifest, against);
  for (const name of strangers[task.kind]) {
    if (args[name] === undefined || args[name] === false) continue;
    const option = task.kind === 'write' ? '--write-manifest' : '--manifest';
    const where = task.kind === 'compare' ? `${option} with --against` : option;
    throw usage(`--${name} does not go with ${where}`);
  }
  if (task.kind !== 'write' && args.free === 'verify') {
    throw usage('--free verify does not go with --manifest: the manifest says what is verified');
  }
  return task;
}

function taskOf(src?: string, file?: string, manifest?: string, against?: string): ManifestTask {
  if (manifest !== undefined && against !== undefined)
    return { kind: 'compare', manifest, against };
  if (against !== undefined) throw usage('--against does not go with --write-manifest');
  if (src === undefined) throw usage('name the volume with --src');
  if (manifest !== undefined) return { kind: 'check', volume: src, manifest };
  return { kind: 'write', volume: src, file: file ?? '' };
}

/** The cell size that was asked for. Throws a usage error. */
export function cellBytesFrom(args: ManifestArguments): number | undefined {
  const text = args['manifest-cell'];
  if (text === undefined) return undefined;
  const bytes = parseSize('manifest-cell', text);
  if (isCellSize(bytes)) return bytes;
  throw usage(`--manifest-cell: expected a power of two from 64K to 16M, got "${text}"`);
}
