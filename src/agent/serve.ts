/** The agent's side of a session: answers requests for one volume of this host, and does nothing else. */

import {
  digestCells,
  type DigestResult,
  type Job,
  type JobResult,
  serveBlocks,
} from '../engine/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import { type Channel, Link, type Message, protocolBroken } from '../protocol/index.js';
import {
  digestLimits,
  mostReadBytes,
  type ReplyOf,
  type Request,
  requestSchema,
  type RequestType,
} from '../protocol/messages.js';
import { decodeExtents, encodeNumbers } from '../protocol/lists.js';
import { bounded } from '../region/index.js';
import { version } from '../version.js';
import { bootId, fingerprintOf, type HostVolume, openVolume } from '../volume/index.js';
import { type Permissions, refuseOther, refused } from './permissions.js';
import { AgentTarget } from './target.js';

export interface AgentOptions extends Permissions {
  readonly channel: Channel;
  readonly silenceMs: number;
}

/** The most concurrent requests; a driver needs two. */
const mostPending = 8;
const progressEveryMs = 500;
/** The page size: smaller requests go through the page cache. */
const leastGranularity = 4096;
/** Together with Node itself, an agent stays below 128 MiB. */
const blocksIo = { inFlightBytes: 32 * 1024 * 1024, queueDepth: 64 };

type Answer<Type extends RequestType> = Omit<ReplyOf<Type>, 'id' | 'type' | 'attached'>;

interface Answered {
  readonly body: object;
  readonly attachment?: Uint8Array;
  /** Runs after the reply. If it fails, the session ends. */
  readonly afterwards?: () => Promise<void>;
}

/** Serves until the driver ends the connection, even during a request. Rejects as the link does. */
export async function serve(options: AgentOptions): Promise<void> {
  const { channel, silenceMs } = options;
  await using session = new Session(options);
  const link = new Link({
    channel,
    silenceMs,
    peer: 'the driver',
    mostAttachedBytes: (control) => session.mostAttachedBytes(control),
  });
  for await (const message of link.messages()) session.take(link, message);
}

class Session implements AsyncDisposable {
  readonly #permissions: Permissions;
  readonly #jobs = new Map<number, Job<DigestResult>>();
  readonly #pending = new Set<Promise<void>>();
  #isGreeted = false;
  #isOpening = false;
  #volume: HostVolume | null = null;

  #target: AgentTarget | null = null;
  #blocks: Job<JobResult> | null = null;

  constructor(permissions: Permissions) {
    this.#permissions = permissions;
  }

  mostAttachedBytes(control: unknown): number {
    const { type } = control as { type?: unknown };
    if (type === 'write') return mostReadBytes;
    return type === 'digest' ? digestLimits.extents * 16 : 0;
  }

  /** Starts a request. Throws PROTOCOL_BROKEN. */
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
    this.#blocks?.cancel();
    await Promise.allSettled(this.#pending);
    if (this.#target?.isOpen === true) await this.#target[Symbol.asyncDispose]();
    else await this.#volume?.close();
  }

  async #answer(link: Link, request: Request, attachment: Uint8Array): Promise<void> {
    const { id } = request;
    let answered: Answered;
    try {
      answered = await this.#do(link, request, attachment);
      await link.send({ id, type: 'reply', ...answered.body }, answered.attachment);
    } catch (error) {
      await link.send({ id, type: 'failure', ...failureOf(error) });
      return;
    }
    try {
      await answered.afterwards?.();
    } catch (error) {
      link.fail(error);
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
      case 'inspect':
        return this.#inspect(request.path);
      case 'openTarget':
        return this.#openTarget(request);
      case 'write':
        return this.#write(request.offsetBytes, attachment);
      case 'sync':
        return this.#sync();
      case 'nextData':
        return this.#nextData(request.offsetBytes);
      case 'inPlace':
        return this.#inPlace();
      case 'blocks':
        return this.#serveBlocks(link);
    }
  }

  async #hello(): Promise<Answered> {
    const body: Answer<'hello'> = { version, host: await bootId() };
    return { body };
  }

  async #open(path: string): Promise<Answered> {
    this.#beginOpening();
    try {
      await refuseOther(path, this.#permissions);
      const volume = await openVolume(path);
      this.#volume = volume;
      // The name may refer to another volume by now.
      await refuseOther(path, this.#permissions, volume.identity);
    } finally {
      this.#isOpening = false;
    }
    const { identity } = this.#volume;
    const body: Answer<'open'> = { identity, fingerprint: await fingerprintOf(identity) };
    return { body };
  }

  /** Allows one volume per session, even if two requests for it run at once. */
  #beginOpening(): void {
    if (this.#volume !== null || this.#target !== null || this.#isOpening)
      throw refused('this session has a volume already');
    this.#isOpening = true;
  }

  async #inspect(path: string): Promise<Answered> {
    // A volume that was opened for reading may turn out to need repair.
    if (this.#target !== null || this.#isOpening)
      throw refused('this session has a target already');
    this.#isOpening = true;
    try {
      this.#target = await AgentTarget.inspect(path, this.#permissions);
    } finally {
      this.#isOpening = false;
    }
    const body: Answer<'inspect'> = { found: this.#target.found };
    return { body };
  }

  async #openTarget(request: Extract<Request, { type: 'openTarget' }>): Promise<Answered> {
    if (this.#target === null || this.#target.isOpen || this.#isOpening)
      throw refused('nothing was inspected');
    this.#isOpening = true;
    const {
      volume,
      isNew,
      isResized = false,
    } = await this.#target.open(request).finally(() => {
      this.#isOpening = false;
    });
    const forReading = this.#volume;
    this.#volume = volume;
    await forReading?.close();
    const { identity } = volume;
    const fingerprint = await fingerprintOf(identity);
    const body: Answer<'openTarget'> = { identity, fingerprint, isNew, isResized };
    return { body };
  }

  async #write(offsetBytes: number, bytes: Uint8Array): Promise<Answered> {
    const volume = this.#writable();
    if (offsetBytes + bytes.length > volume.identity.sizeBytes)
      throw refused('a write past the end');
    await volume.writeDurably(offsetBytes, bytes);
    return { body: {} };
  }

  async #sync(): Promise<Answered> {
    await this.#opened().sync();
    return { body: {} };
  }

  async #nextData(offsetBytes: number): Promise<Answered> {
    const body: Answer<'nextData'> = { offsetBytes: await this.#opened().nextData(offsetBytes) };
    return { body };
  }

  async #inPlace(): Promise<Answered> {
    const body: Answer<'inPlace'> = { isInPlace: await this.#opened().isInPlace() };
    return { body };
  }

  /** The reply is the last message before the blocks, and no other request may be running. */
  #serveBlocks(link: Link): Answered {
    const { endpoint, identity } = this.#writable();
    if (this.#pending.size > 0) throw refused('blocks while another request is under way');
    const { sizeBytes, logicalBlockBytes } = identity;
    link.hush();
    const body: Answer<'blocks'> = {
      granularityBytes: Math.max(leastGranularity, logicalBlockBytes),
    };
    const afterwards = async () => {
      await link.lend(async (peer) => {
        this.#blocks = serveBlocks({ ...blocksIo, volume: endpoint, sizeBytes, link: peer });
        await this.#blocks.done.finally(() => {
          this.#blocks = null;
        });
      });
    };
    return { body, afterwards };
  }

  #writable(): HostVolume {
    const volume = this.#opened();
    if (this.#target?.isOpen !== true) throw refused('the volume was opened for reading');
    return volume;
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

  #opened(): HostVolume {
    if (this.#volume === null) throw refused('no volume was opened');
    return this.#volume;
  }
}

function answerOf(result: DigestResult): Answered {
  const { cells, digests, progress, backend, cancelled } = result;
  // Too many extents are merged: slightly more then counts as unreadable, and is requested again.
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

/** An upper limit of the number of cells that the extents touch. */
function cellsOf(extents: Float64Array, cellBytes: number): number {
  let cells = 0;
  for (let index = 0; index < extents.length; index += 2) {
    const start = extents[index] as number;
    const end = start + (extents[index + 1] as number);
    cells += Math.ceil(end / cellBytes) - Math.floor(start / cellBytes);
  }
  return cells;
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
