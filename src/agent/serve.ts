/** The other end of a session: answers for one volume of this host, and does nothing that it was not asked for. */

import type { Readable, Writable } from 'node:stream';
import { digestCells, type DigestResult, type Job } from '../engine/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import { Link, type Message, protocolBroken } from '../protocol/index.js';
import {
  digestLimits,
  type ReplyOf,
  type Request,
  requestSchema,
  type RequestType,
} from '../protocol/messages.js';
import { decodeExtents, encodeNumbers } from '../protocol/lists.js';
import { bounded } from '../region/index.js';
import { version } from '../version.js';
import { bootId, fingerprintOf, identifyVolume, openVolume, type Volume } from '../volume/index.js';

export interface AgentOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly silenceMs: number;
  /** The one volume that may be opened, whatever is asked for; null: any. */
  readonly only: string | null;
}

/** So many requests may be under way at once; a driver needs two. */
const mostPending = 8;
const progressEveryMs = 500;

type Answer<Type extends RequestType> = Omit<ReplyOf<Type>, 'id' | 'type' | 'attached'>;

interface Answered {
  readonly body: object;
  readonly attachment?: Uint8Array;
}

/** Serves until the driver ends the connection, also in the middle of work. Rejects as the link does. */
export async function serve(options: AgentOptions): Promise<void> {
  const { input, output, silenceMs } = options;
  await using session = new Session(options);
  const link = new Link({
    input,
    output,
    silenceMs,
    peer: 'the driver',
    mostAttachedBytes: (control) => session.mostAttachedBytes(control),
  });
  for await (const message of link.messages()) session.take(link, message);
}

class Session implements AsyncDisposable {
  readonly #only: string | null;
  readonly #jobs = new Map<number, Job<DigestResult>>();
  readonly #pending = new Set<Promise<void>>();
  #isGreeted = false;
  #isOpening = false;
  #volume: Volume | null = null;

  constructor({ only }: AgentOptions) {
    this.#only = only;
  }

  mostAttachedBytes(control: unknown): number {
    return (control as { type?: unknown }).type === 'digest' ? digestLimits.extents * 16 : 0;
  }

  /** Begins to work on a request. Throws PROTOCOL_BROKEN. */
  take(link: Link, { control, attachment }: Message): void {
    const parsed = requestSchema.safeParse(control);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join('.') ?? '';
      throw protocolBroken(link.peer, `a request that is none (${where}: ${issue?.message ?? ''})`);
    }
    const request = parsed.data;
    if (this.#isGreeted === (request.type === 'hello')) {
      throw protocolBroken(link.peer, `"${request.type}" out of turn`);
    }
    if (this.#jobs.has(request.id)) {
      throw protocolBroken(link.peer, `a second request of the number ${request.id}`);
    }
    if (this.#pending.size >= mostPending) {
      throw protocolBroken(link.peer, `more than ${mostPending} requests at once`);
    }
    if (request.type === 'hello') {
      this.#isGreeted = true;
      link.expectSeed(BigInt(`0x${request.seed}`));
      link.sendWithSeed(BigInt(`0x${request.seed}`));
    }
    const work = this.#answer(link, request, attachment).finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of this.#jobs.values()) job.cancel();
    await Promise.allSettled(this.#pending);
    await this.#volume?.close();
  }

  async #answer(link: Link, request: Request, attachment: Uint8Array): Promise<void> {
    const { id } = request;
    try {
      const { body, attachment: attached } = await this.#do(link, request, attachment);
      await link.send({ id, type: 'reply', ...body }, attached);
    } catch (error) {
      await link.send({ id, type: 'failure', ...failureOf(error) });
    }
  }

  #do(link: Link, request: Request, attachment: Uint8Array): Answered | Promise<Answered> {
    switch (request.type) {
      case 'hello':
        return this.#hello();
      case 'open':
        return this.#open(request.path);
      case 'read':
        return this.#read(request);
      case 'digest':
        return this.#digest(link, request, attachment);
      case 'cancel':
        this.#jobs.get(request.of)?.cancel();
        return { body: {} };
      case 'writeCounter':
        return this.#writeCounter();
    }
  }

  async #hello(): Promise<Answered> {
    const body: Answer<'hello'> = { version, host: await bootId() };
    return { body };
  }

  async #open(path: string): Promise<Answered> {
    if (this.#volume !== null || this.#isOpening)
      throw refused('this session has a volume already');
    this.#isOpening = true;
    try {
      this.#volume = await this.#openAllowed(path);
    } finally {
      this.#isOpening = false;
    }
    const { identity } = this.#volume;
    const body: Answer<'open'> = { identity, fingerprint: await fingerprintOf(identity) };
    return { body };
  }

  /** By what they are, not by their names: there may be several of these for one disk. */
  async #openAllowed(path: string): Promise<Volume> {
    const only = this.#only;
    if (only === null) return openVolume(path);
    const allowed = await identifyVolume(only);
    const asked = await identifyVolume(path).catch(() => null);
    if (asked?.node === allowed.node) {
      const volume = await openVolume(path);
      // The name may have come to mean another one meanwhile.
      if (volume.identity.node === allowed.node) return volume;
      await volume.close();
    }
    throw refused(`this agent may open ${only} only, and was asked for ${path}`);
  }

  async #read({ offsetBytes, lengthBytes }: Extract<Request, { type: 'read' }>): Promise<Answered> {
    const volume = this.#opened();
    if (offsetBytes + lengthBytes > volume.identity.sizeBytes)
      throw refused('a read behind the end');
    return { body: {}, attachment: await volume.reader.read(offsetBytes, lengthBytes) };
  }

  async #digest(
    link: Link,
    request: Extract<Request, { type: 'digest' }>,
    attachment: Uint8Array,
  ): Promise<Answered> {
    const { id, algorithm, cellBytes, bytesPerSecond } = request;
    const { endpoint: source, identity } = this.#opened();
    const extents = decodeExtents(attachment, identity.sizeBytes);
    if (extents === null || cellsOf(extents, cellBytes) > digestLimits.cells) {
      throw refused('a list of extents that is none');
    }
    const job = digestCells({ source, extents, algorithm, cellBytes, bytesPerSecond });
    this.#jobs.set(id, job);
    const timer = setInterval(() => {
      void link.send({ id, type: 'progress', progress: job.progress() });
    }, progressEveryMs);
    try {
      return answerOf(await job.done);
    } finally {
      clearInterval(timer);
      this.#jobs.delete(id);
    }
  }

  async #writeCounter(): Promise<Answered> {
    const { value, isFresh } = await this.#opened().writeCounter();
    const body: Answer<'writeCounter'> = { counterText: value, isFresh };
    return { body };
  }

  #opened(): Volume {
    if (this.#volume === null) throw refused('no volume was opened');
    return this.#volume;
  }
}

function answerOf(result: DigestResult): Answered {
  const { cells, digests, progress, backend, cancelled } = result;
  // Joined where there are too many: then a little more counts as unreadable, and is asked for again.
  const unreadable = bounded(result.unreadableRanges, digestLimits.extents);
  const body: Answer<'digest'> = {
    cells: cells.length,
    digestBytes: digests.length,
    unreadable: unreadable.length / 2,
    progress,
    backend,
    cancelled,
  };
  const attachment = Buffer.concat([encodeNumbers(cells), digests, encodeNumbers(unreadable)]);
  return { body, attachment };
}

/** How many cells the extents touch, at the most. */
function cellsOf(extents: Float64Array, cellBytes: number): number {
  let cells = 0;
  for (let index = 0; index < extents.length; index += 2) {
    const start = extents[index] as number;
    const end = start + (extents[index + 1] as number);
    cells += Math.ceil(end / cellBytes) - Math.floor(start / cellBytes);
  }
  return cells;
}

function refused(message: string): FastsyncError {
  return new FastsyncError({ code: 'AGENT_REFUSED', exitCode: exitCodes.refused, message });
}

function failureOf(error: unknown): object {
  const known = error instanceof FastsyncError && error.exitCode !== exitCodes.different;
  if (!known) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 'INTERNAL', exitCode: exitCodes.usage, message, remedy: null };
  }
  const { code, exitCode, message, remedy = null } = error;
  return { code, exitCode: exitCode === exitCodes.interrupted ? 3 : exitCode, message, remedy };
}
