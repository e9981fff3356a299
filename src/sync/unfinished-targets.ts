/** The targets that a run has begun to write and has not finished: it names them when it ends early. */

import type { Volume } from '../volume/index.js';

export class UnfinishedTargets {
  readonly #left = new Map<string, string>();

  /** The target is in this state until finish(). `state` is a clause without a subject. */
  begin(path: string, state: string): void {
    this.#left.set(path, state);
  }

  beginAll(targets: readonly { readonly volume: Volume }[], state: string): void {
    for (const { volume } of targets) this.begin(volume.identity.path, state);
  }

  finish(path: string): void {
    this.#left.delete(path);
  }

  /** A sentence for each target that is not finished. */
  get left(): string[] {
    return [...this.#left].map(([path, state]) => `${path} ${state}`);
  }

  get paths(): string[] {
    return [...this.#left.keys()];
  }
}

export const unpublishedState = 'is unfinished: it has no signature';
export const halfRepairedState =
  'is partly repaired: some of the differing ranges may be equal already';
