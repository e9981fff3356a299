/** What carries a session: a stream in each direction, which JavaScript and the engine use in turn. */

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { duplicateDescriptor } from '../engine/index.js';

export interface Streams {
  readonly input: Readable;
  readonly output: Writable;
}

/** The descriptors of a channel. Whoever is lent them duplicates them. */
export interface StreamEnds {
  readonly inputFd: number;
  readonly outputFd: number;
}

export interface Channel {
  /** Streams over it, which end with destroy(): nothing is read or written by itself afterwards. */
  open(): Streams;
  /** Null where there is nothing to lend. */
  readonly ends: StreamEnds | null;
  close(): void;
}

/** By descriptors of pipes or sockets. Takes them over. */
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

/** By streams that exist already. They cannot be lent. */
export function streamChannel(streams: Streams): Channel {
  return { open: () => streams, ends: null, close: () => undefined };
}
