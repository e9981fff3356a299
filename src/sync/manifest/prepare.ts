/** Prepares reading a volume: preflights it, collects the refusals. */

import type { Override, Refusal, HostVolume } from '../../volume/index.js';
import type { Waiting } from '../other-hosts.js';
import { type Policy, preflight, standing, volumeRefusals } from '../preflight.js';

export interface ReadRequest {
  readonly volume: string;
  readonly overrides: ReadonlySet<Override>;
}

export interface PreparedRead extends AsyncDisposable {
  readonly volume: HostVolume;
  /** The refusals that no override covers. */
  readonly refusals: readonly Refusal[];
}

/** Preflights a volume. A tracked volume may be mounted. Rejects as preflight() does. */
export async function prepareRead(
  { volume, overrides }: ReadRequest,
  volumeIs: 'at rest' | 'tracked',
  waiting: Waiting,
): Promise<PreparedRead> {
  const policy: Policy = {
    claims: { source: false, targets: false },
    ignores: (code) => volumeIs === 'tracked' && code === 'SOURCE_MOUNTED',
  };
  const request = { source: volume, targets: [], overrides, ...waiting };
  const found = await preflight(request, policy);
  return {
    volume: found.source,
    refusals: standing(volumeRefusals(found), request, policy),
    [Symbol.asyncDispose]: () => found[Symbol.asyncDispose](),
  };
}
