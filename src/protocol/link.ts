/** A connection to another host: messages with attachments in both directions, and heartbeats. */

import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { PeerLink } from '../engine/index.js';
import { bannerLine, findBanner, noBanner } from './banner.js';
import type { Channel, Streams } from './channel.js';
import { linkLost, peerSilent, protocolBroken } from './errors.js';
import {
  encodeFrame,
  FrameDecoder,
  type Frame,
  type FrameKind,
  mostPayloadBytes,
} from './frame.js';

/** A control frame, and its data frames joined. */
export interface Message {
  /** Not validated yet. */
  readonly control: unknown;
  readonly attachment: Uint8Array;
}

export interface LinkOptions {
  readonly channel: Channel;
  /** The other side's name in errors. */
  readonly peer: string;
  /** The peer counts as dead after so long without a frame: at least a few heartbeats. */
  readonly silenceMs: number;
  /** The largest attachment of a message from the peer; it may depend on the request. */
  readonly mostAttachedBytes: (control: unknown) => number;
}

/** The time between two heartbeats. It is short because the peer chooses its own limit. */
const beatMs = 1000;

/** The wait for the peer's banner: somebody may have to type a password. */
const connectMs = 5 * 60_000;

/** The key of a control message for the length of its attachment. */
const attachedKey = 'attached';

export class Link {
  readonly peer: string;
  readonly #options: LinkOptions;
  readonly #decoder: FrameDecoder;
  readonly #ended = new AbortController();
  /** Null until the session has a seed: earlier heartbeats would have an ambiguous checksum. */
  #sendSeed: bigint | null = null;
  #isGreeted = false;
  readonly #openedAtMs = performance.now();
  #heardAtMs = performance.now();
  #beatAtMs = performance.now();
  /** The text printed before the banner. */
  #greeting = '';
  #beat: NodeJS.Timeout | undefined;
  #streams: Streams;
  /** Resolves when the engine has returned the stream; null: the engine does not have it. */
  #lent: Promise<void> | null = null;
  /** An input that was closed for the engine: its end is not the end of the connection. */
  #closedToLend: Readable | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.#decoder = new FrameDecoder(options.peer);
    this.#streams = this.#open();
    this.#write(Buffer.from(bannerLine(), 'latin1'));
    this.unhush();
  }

  get greeting(): string {
    return this.#greeting;
  }

  /** Fires when the connection has ended; its reason is the error, or null after close(). */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Uses this seed for the checksums of all frames sent from now on. */
  sendWithSeed(seed: bigint): void {
    this.#sendSeed = seed;
  }

  /** Expects this seed in the checksums of all frames received from now on. */
  expectSeed(seed: bigint): void {
    this.#decoder.seed = seed;
  }

  /** Sends a message. It stays in memory until the peer takes it, so senders await this. */
  async send(control: object, attachment: Uint8Array = new Uint8Array(0)): Promise<void> {
    const attached = attachment.length === 0 ? {} : { [attachedKey]: attachment.length };
    this.#frame('control', Buffer.from(JSON.stringify({ ...control, ...attached })));
    for (let at = 0; at < attachment.length; at += mostPayloadBytes.data) {
      this.#frame('data', attachment.subarray(at, at + mostPayloadBytes.data));
      await this.#drained();
    }
  }

  /**
   * Yields the peer's messages in order, until the peer ends the connection between two messages. Throws
   * PROTOCOL_BROKEN, NOT_AN_AGENT, VERSION_SKEW, PEER_SILENT and LINK_LOST. When the iteration ends, also
   * because the consumer leaves it, the connection has ended.
   */
  async *messages(): AsyncGenerator<Message> {
    let control: unknown = null;
    let missingBytes = 0;
    let parts: Uint8Array[] = [];
    try {
      for await (const { kind, payload } of this.#frames()) {
        if (kind === 'heartbeat') continue;
        if ((kind === 'data') !== missingBytes > 0) {
          throw protocolBroken(this.peer, `a ${kind} frame out of turn`);
        }
        if (kind === 'control') {
          control = this.#parse(payload);
          missingBytes = this.#attachedBytes(control);
          parts = [];
        } else {
          missingBytes -= payload.length;
          parts.push(payload);
          if (missingBytes < 0 || payload.length === 0) {
            throw protocolBroken(this.peer, 'an attachment of another length');
          }
        }
        if (missingBytes === 0) yield { control, attachment: Buffer.concat(parts) };
      }
      if (missingBytes > 0) throw linkLost(this.peer, 'it ended in the middle of a message');
    } catch (error) {
      this.#end(error);
      throw error;
    } finally {
      this.#end(null);
    }
  }

  /**
   * Sends no heartbeats until unhush(), and does not expect any from the peer. The engine is about to
   * take over the stream, which must be between two frames.
   */
  hush(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  unhush(): void {
    this.#heardAtMs = this.#beatAtMs = performance.now();
    this.#beat ??= setInterval(() => {
      this.#heartbeat();
    }, beatMs);
  }

  /**
   * Lends the stream to the engine until `use` settles. Both sides have called hush() before. The engine
   * leaves the stream between two frames; otherwise fail() is called.
   */
  async lend<T>(use: (link: PeerLink) => Promise<T>): Promise<T> {
    const { channel, silenceMs } = this.#options;
    const { ends } = channel;
    if (ends === null || this.#sendSeed === null) throw new Error('a stream that cannot be lent');
    let giveBack: () => void = () => undefined;
    this.#lent = new Promise((resolve) => {
      giveBack = resolve;
    });
    try {
      await this.#closeStreams();
      return await use({ ...ends, seed: this.#sendSeed, silenceMs });
    } finally {
      this.#lent = null;
      if (this.ended.aborted) {
        channel.close();
      } else {
        this.#streams = this.#open();
        this.unhush();
      }
      giveBack();
    }
  }

  /** Ends the connection because of `error`. */
  fail(error: unknown): void {
    this.#end(error);
  }

  /** Ends the connection. Messages sent before are still delivered. */
  close(): void {
    this.#end(null);
  }

  async *#frames(): AsyncGenerator<Frame> {
    let before: Uint8Array = new Uint8Array(0);
    for await (const chunk of this.#chunks()) {
      this.#heardAtMs = performance.now();
      if (this.#isGreeted) {
        yield* this.#decoder.take(chunk);
        continue;
      }
      before = Buffer.concat([before, chunk]);
      const banner = findBanner(this.peer, before);
      if (banner === null) continue;
      this.#isGreeted = true;
      this.#greeting = banner.greeting;
      yield* this.#decoder.take(banner.rest);
    }
    if (!this.#isGreeted) throw noBanner(this.peer, before);
    if (!this.#decoder.isBetweenFrames) {
      throw linkLost(this.peer, 'it ended in the middle of a frame');
    }
  }

  /** Yields the bytes of the input until its end, or until the connection ends for another reason. */
  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      await this.#lent;
      if (this.#isOver()) break;
      const { input } = this.#streams;
      try {
        for await (const chunk of input) yield chunk as Uint8Array;
      } catch (error) {
        const isOurs = this.#isOver() || input === this.#closedToLend;
        if (!isOurs) throw linkLost(this.peer, (error as Error).message, error);
      }
      if (input !== this.#closedToLend) break;
    }
    const reason: unknown = this.#isOver() ? this.ended.reason : null;
    if (reason instanceof Error) throw reason;
  }

  #isOver(): boolean {
    return this.ended.aborted;
  }

  #parse(payload: Uint8Array): unknown {
    try {
      const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // Reported below.
    }
    throw protocolBroken(this.peer, 'a control frame that is no JSON object');
  }

  #attachedBytes(control: unknown): number {
    const { [attachedKey]: attached = 0 } = control as { [attachedKey]?: unknown };
    const most = this.#options.mostAttachedBytes(control);
    if (typeof attached !== 'number' || !Number.isSafeInteger(attached) || attached < 0) {
      throw protocolBroken(this.peer, 'an attachment without a length');
    }
    if (attached > most) {
      throw protocolBroken(this.peer, `an attachment of ${attached} bytes where ${most} may come`);
    }
    return attached;
  }

  #heartbeat(): void {
    const { silenceMs } = this.#options;
    const nowMs = performance.now();
    // This process was stopped or the machine suspended: the peer's messages have not been read yet.
    if (nowMs - this.#beatAtMs > silenceMs / 2) this.#heardAtMs = nowMs;
    this.#beatAtMs = nowMs;
    const limitMs = this.#isGreeted ? silenceMs : Math.max(silenceMs, connectMs);
    const sinceMs = this.#isGreeted ? this.#heardAtMs : this.#openedAtMs;
    if (nowMs - sinceMs > limitMs) {
      this.#end(peerSilent(this.peer, Math.round(limitMs / 1000)));
    } else if (this.#sendSeed !== null) this.#frame('heartbeat', new Uint8Array(0));
  }

  #frame(kind: FrameKind, payload: Uint8Array): void {
    this.#write(encodeFrame({ kind, payload }, this.#sendSeed ?? 0n));
  }

  #write(bytes: Uint8Array): void {
    const { output } = this.#streams;
    if (!this.ended.aborted && output.writable) output.write(bytes);
  }

  /** Resolves when the output accepts more data, or when the connection has ended. */
  async #drained(): Promise<void> {
    const { output } = this.#streams;
    if (!output.writableNeedDrain || this.ended.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        output.off('drain', done);
        this.ended.removeEventListener('abort', done);
        resolve();
      };
      output.on('drain', done);
      this.ended.addEventListener('abort', done);
    });
  }

  #end(error: unknown): void {
    if (this.ended.aborted) return;
    this.hush();
    this.#ended.abort(error);
    // The engine's job ends first.
    if (this.#lent !== null) return;
    const { input, output } = this.#streams;
    output.end();
    // An open input would keep the process alive after its work is done.
    input.destroy();
    this.#options.channel.close();
  }

  #open(): Streams {
    const streams = this.#options.channel.open();
    // The reader notices a broken pipe; without a listener it would crash the process.
    streams.output.on('error', (error: Error) => {
      this.#end(linkLost(this.peer, error.message, error));
    });
    return streams;
  }

  /** Passes all written data to the kernel, and stops reading. */
  async #closeStreams(): Promise<void> {
    const { input, output } = this.#streams;
    this.#closedToLend = input;
    await new Promise<void>((resolve) =>
      output.write('', () => {
        resolve();
      }),
    );
    const closed = [input, output].map((stream) => once(stream, 'close'));
    input.destroy();
    output.destroy();
    await Promise.all(closed);
  }
}
