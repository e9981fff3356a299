/** Which of the options that speak of manifests go together, and what they ask for. */

import { isCellSize } from '../../manifest/index.js';
import type { ManifestArguments } from './manifest-options.js';
import { parseSize, usage } from '../values.js';

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
const inapplicable: Readonly<Record<ManifestTask['kind'], readonly (keyof Given)[]>> = {
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
    throw usage('use either --write-manifest or --manifest');
  }
  if (file === undefined && manifest === undefined) {
    const [alone] = (['against', 'root', 'algorithm', 'manifest-cell', 'engine'] as const).filter(
      (name) => args[name] !== undefined,
    );
    if (alone !== undefined) throw usage(`--${alone} requires --manifest or --write-manifest`);
    return null;
  }
  const task = taskOf(src, file, manifest, against);
  for (const name of inapplicable[task.kind]) {
    if (args[name] === undefined || args[name] === false) continue;
    const option = task.kind === 'write' ? '--write-manifest' : '--manifest';
    const where = task.kind === 'compare' ? `${option} with --against` : option;
    throw usage(`--${name} cannot be combined with ${where}`);
  }
  if (task.kind !== 'write' && args.free === 'verify') {
    throw usage(
      '--free verify cannot be combined with --manifest: the manifest determines what is verified',
    );
  }
  return task;
}

function taskOf(src?: string, file?: string, manifest?: string, against?: string): ManifestTask {
  if (manifest !== undefined && against !== undefined)
    return { kind: 'compare', manifest, against };
  if (against !== undefined) throw usage('--against cannot be combined with --write-manifest');
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
