/** The driver's side of a session: sends any number of concurrent requests; each gets one reply. */

import type * as z from 'zod';
import { FastsyncError } from '../errors.js';
import { linkLost, protocolBroken } from './errors.js';
import type { PeerLink } from '../engine/index.js';
import type { Link, Message } from './link.js';
import {
  failureSchema,
  progressSchema,
  replies,
  type ReplyOf,
  type Request,
  type RequestType,
} from './messages.js';

type Body<Type extends RequestType> = Omit<
  Extract<Request, { type: Type }>,
  'id' | 'type' | 'attached'
>;

export interface Call<Type extends RequestType> {
  readonly type: Type;
  readonly body: Body<Type>;
  readonly attachment?: Uint8Array;
  /** The largest attachment that the reply may carry. Default: none. */
  readonly mostReplyBytes?: number;
  readonly onProgress?: (progress: z.infer<typeof progressSchema>['progress']) => void;
  /** Asks the peer to cancel this request; the peer still replies. */
  readonly cancel?: AbortSignal;
}

export interface Reply<Type extends RequestType> {
  readonly reply: ReplyOf<Type>;
  readonly attachment: Uint8Array;
}

interface Pending {
  /** Settles with the reply. */
  readonly settled: Promise<unknown>;
  readonly call: Call<RequestType>;
  readonly resolve: (message: Message) => void;
  readonly reject: (error: unknown) => void;
}

export class Calls {
  readonly link: Link;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  /** Why there are no more replies. */
  #over: { readonly error: unknown } | null = null;
  /** Settles when the stream carries messages again; null: it carries them now. */
  #lent: Promise<unknown> | null = null;
  /** Settles when the connection has ended. */
  readonly finished: Promise<void>;

  /** `linkOf` creates the connection, with a limit on the attachment of each reply. */
  constructor(linkOf: (mostAttachedBytes: (control: unknown) => number) => Link) {
    this.link = linkOf((control) => {
      const { id } = control as { id?: unknown };
      return this.#pending.get(typeof id === 'number' ? id : 0)?.call.mostReplyBytes ?? 0;
    });
    this.finished = this.#listen();
  }

  /**
   * Sends a request. Rejects with the failure that the peer replies, with PROTOCOL_BROKEN, and with the
   * error that ended the connection.
   */
  async call<Type extends RequestType>(call: Call<Type>): Promise<Reply<Type>> {
    while (this.#lent !== null) await this.#lent;
    return this.#call(call);
  }

  /**
   * Makes the peer serve blocks of its volume, and lends the stream to the engine until `use` settles.
   * Begins when every call has its reply; later calls wait. Rejects as call() and `use` do.
   */
  async lend<T>(use: (link: PeerLink, granularityBytes: number) => Promise<T>): Promise<T> {
    while (this.#lent !== null) await this.#lent;
    const lending = this.#lend(use);
    this.#lent = lending.catch(() => undefined);
    try {
      return await lending;
    } finally {
      this.#lent = null;
    }
  }

  async #lend<T>(use: (link: PeerLink, granularityBytes: number) => Promise<T>): Promise<T> {
    await Promise.allSettled([...this.#pending.values()].map(({ settled }) => settled));
    this.link.hush();
    const { reply } = await this.#call({ type: 'blocks', body: {} }).catch((error: unknown) => {
      if (!this.link.ended.aborted) this.link.unhush();
      throw error;
    });
    return this.link.lend((link) => use(link, reply.granularityBytes));
  }

  async #call<Type extends RequestType>(call: Call<Type>): Promise<Reply<Type>> {
    const id = ++this.#lastId;
    const { promise: answered, resolve, reject } = withResolvers<Message>();
    this.#pending.set(id, { call, resolve, reject, settled: answered });
    // It is awaited below, perhaps only after it has rejected.
    answered.catch(() => undefined);
    const { type, body, attachment } = call;
    if (this.#over !== null) this.#failAll(this.#over.error);
    else await this.link.send({ id, type, ...body }, attachment);
    const cancel = () => {
      void this.call({ type: 'cancel', body: { of: id } }).catch(() => undefined);
    };
    if (call.cancel?.aborted === true) cancel();
    call.cancel?.addEventListener('abort', cancel);
    const message = await answered.finally(() => {
      call.cancel?.removeEventListener('abort', cancel);
    });
    const reply = replies[type].safeParse(message.control);
    if (!reply.success) throw this.#broken(`a reply to "${type}" that is none`);
    return { reply: reply.data as ReplyOf<Type>, attachment: message.attachment };
  }

  async #listen(): Promise<void> {
    try {
      for await (const message of this.link.messages()) this.#take(message);
      this.#failAll(linkLost(this.link.peer, 'the other side ended it'));
    } catch (error) {
      this.#failAll(error);
    }
  }

  #take(message: Message): void {
    const { id, type } = message.control as { id?: unknown; type?: unknown };
    const pending = this.#pending.get(typeof id === 'number' ? id : 0);
    // Progress may arrive after the reply; ignore it then.
    if (type === 'progress') {
      const told = progressSchema.safeParse(message.control);
      if (!told.success) throw this.#broken('a progress message that is none');
      pending?.call.onProgress?.(told.data.progress);
      return;
    }
    if (pending === undefined) throw this.#broken('an answer that nobody asked for');
    const failure = type === 'failure' ? failureSchema.safeParse(message.control) : null;
    // The request is still pending, so its caller gets this error too.
    if (failure?.success === false) throw this.#broken('a failure that is none');
    this.#pending.delete(id as number);
    if (failure === null) {
      pending.resolve(message);
      return;
    }
    const { code, exitCode, message: text, remedy } = failure.data;
    const how = remedy === null ? {} : { remedy };
    pending.reject(
      new FastsyncError({ code, exitCode, message: `${this.link.peer}: ${text}`, ...how }),
    );
  }

  #failAll(error: unknown): void {
    this.#over ??= { error };
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #broken(what: string): FastsyncError {
    return protocolBroken(this.link.peer, what);
  }
}

/** Promise.withResolvers() of newer runtimes. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((taken, failed) => {
    resolve = taken;
    reject = failed;
  });
  return { promise, resolve, reject };
}
