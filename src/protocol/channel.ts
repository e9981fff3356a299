/** The channel of a session: a stream in each direction, which JavaScript and the engine use in turn. */

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { duplicateDescriptor } from '../engine/index.js';

export interface Streams {
  readonly input: Readable;
  readonly output: Writable;
}

/** The descriptors of a channel. The borrower duplicates them. */
export interface StreamEnds {
  readonly inputFd: number;
  readonly outputFd: number;
}

export interface Channel {
  /** Opens streams over it. After destroy() they no longer read or write. */
  open(): Streams;
  /** Null if the channel has no descriptors to lend. */
  readonly ends: StreamEnds | null;
  close(): void;
}

/** Uses the descriptors of pipes or sockets, and takes ownership of them. */
export class DescriptorChannel implements Channel {
  readonly ends: StreamEnds;
  #isClosed = false;

  constructor(inputFd: number, outputFd: number) {
    this.ends = { inputFd, outputFd };
  }

  open(): Streams {
    const { inputFd, outputFd } = this.ends;
    return {
      input: new Socket({ fd: duplicateDescriptor(inputFd), readable: true, writable: false }),
      output: new Socket({ fd: duplicateDescriptor(outputFd), readable: false, writable: true }),
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { inputFd, outputFd } = this.ends;
    closeSync(inputFd);
    if (outputFd !== inputFd) closeSync(outputFd);
  }
}

/** Uses existing streams. They cannot be lent. */
export function streamChannel(streams: Streams): Channel {
  return { open: () => streams, ends: null, close: () => undefined };
}
