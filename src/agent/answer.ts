/** What a request is answered with. */

import type { ReplyOf, RequestType } from '../protocol/messages.js';

export type Answer<Type extends RequestType> = Omit<ReplyOf<Type>, 'id' | 'type' | 'attached'>;

export interface Answered {
  readonly body: object;
  readonly attachment?: Uint8Array;
  /** Runs after the reply. If it fails, the session ends. */
  readonly afterwards?: () => Promise<void>;
}
