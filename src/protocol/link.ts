/** One connection to another host: messages with attachments in both directions, and signs of life. */

import type { Readable, Writable } from 'node:stream';
import { bannerLine, findBanner, noBanner } from './banner.js';
import { linkLost, peerSilent, protocolBroken } from './errors.js';
import {
  encodeFrame,
  FrameDecoder,
  type Frame,
  type FrameKind,
  mostPayloadBytes,
} from './frame.js';

/** A control frame, and the data frames that belong to it, joined. */
export interface Message {
  /** Not checked yet. */
  readonly control: unknown;
  readonly attachment: Uint8Array;
}

export interface LinkOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** What errors call the other side. */
  readonly peer: string;
  /** After so long without a frame the other side counts as dead: a few heartbeats at least. */
  readonly silenceMs: number;
  /** The most that one message of the peer may carry; it may depend on what was asked of it. */
  readonly mostAttachedBytes: (control: unknown) => number;
}

/** Between two heartbeats: the peer may have any limit of its own. */
const beatMs = 1000;

/** Until the peer's banner has come: somebody may have to type a password. */
const connectMs = 5 * 60_000;

/** A control message names the length of its attachment by this key. */
const attachedKey = 'attached';

export class Link {
  readonly peer: string;
  readonly #options: LinkOptions;
  readonly #decoder: FrameDecoder;
  readonly #ended = new AbortController();
  /** Null until the session has one: before that there are no heartbeats, whose seed could be either. */
  #sendSeed: bigint | null = null;
  #isGreeted = false;
  #heardAtMs = performance.now();
  #beatAtMs = performance.now();
  /** What was printed before the banner. */
  #greeting = '';
  readonly #beat: NodeJS.Timeout;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.#decoder = new FrameDecoder(options.peer);
    // A pipe that broke is noticed by who reads; nobody else must hear of it as a crash.
    options.output.on('error', (error: Error) => {
      this.#end(linkLost(this.peer, error.message, error));
    });
    this.#write(Buffer.from(bannerLine(), 'latin1'));
    this.#beat = setInterval(() => {
      this.#heartbeat();
    }, beatMs);
  }

  get greeting(): string {
    return this.#greeting;
  }

  /** Fires when the connection is over; its reason is the error, or null after close(). */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** From now on what is sent carries checksums with this seed. */
  sendWithSeed(seed: bigint): void {
    this.#sendSeed = seed;
  }

  /** From now on what comes is expected to. */
  expectSeed(seed: bigint): void {
    this.#decoder.seed = seed;
  }

  /** Sends a message. What the peer does not take yet waits in memory: senders await it. */
  async send(control: object, attachment: Uint8Array = new Uint8Array(0)): Promise<void> {
    const attached = attachment.length === 0 ? {} : { [attachedKey]: attachment.length };
    this.#frame('control', Buffer.from(JSON.stringify({ ...control, ...attached })));
    for (let at = 0; at < attachment.length; at += mostPayloadBytes.data) {
      this.#frame('data', attachment.subarray(at, at + mostPayloadBytes.data));
      await this.#drained();
    }
  }

  /**
   * The peer's messages, in order, until it ends the connection between two of them. Throws
   * PROTOCOL_BROKEN, NOT_AN_AGENT, VERSION_SKEW, PEER_SILENT and LINK_LOST. However this ends, also where
   * whoever takes the messages leaves, the connection is over then.
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

  /** Ends the connection. What was sent before is still delivered. */
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

  /** The input's bytes until its end, or until the connection is over for another reason. */
  async *#chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#options.input) yield chunk as Uint8Array;
    } catch (error) {
      if (!this.ended.aborted) throw linkLost(this.peer, (error as Error).message, error);
    }
    const reason: unknown = this.ended.aborted ? this.ended.reason : null;
    if (reason instanceof Error) throw reason;
  }

  #parse(payload: Uint8Array): unknown {
    try {
      const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // Told below.
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
    // This process itself was stopped, or the machine asleep: what the peer sent is still to be read.
    if (nowMs - this.#beatAtMs > silenceMs / 2) this.#heardAtMs = nowMs;
    this.#beatAtMs = nowMs;
    const limitMs = this.#isGreeted ? silenceMs : Math.max(silenceMs, connectMs);
    if (nowMs - this.#heardAtMs > limitMs) {
      this.#end(peerSilent(this.peer, Math.round(limitMs / 1000)));
    } else if (this.#sendSeed !== null) this.#frame('heartbeat', new Uint8Array(0));
  }

  #frame(kind: FrameKind, payload: Uint8Array): void {
    this.#write(encodeFrame({ kind, payload }, this.#sendSeed ?? 0n));
  }

  #write(bytes: Uint8Array): void {
    if (!this.ended.aborted && this.#options.output.writable) this.#options.output.write(bytes);
  }

  /** Resolves when the output takes more, or when the connection is over. */
  async #drained(): Promise<void> {
    const { output } = this.#options;
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
    clearInterval(this.#beat);
    this.#ended.abort(error);
    this.#options.output.end();
    // An open input would keep the process alive after its work.
    this.#options.input.destroy();
  }
}
